import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { GraftError } from '../src/errors.ts'
import { writeFileAtomic } from '../src/files.ts'
import { mean, standardDeviation } from '../src/statistics/summaries.ts'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const usage =
  'usage: npm run bench -- transfer --data FOLDER --backbone FILE [--seeds 5] [--labels-per-class 5,10,20] [--strategies transfer] [--results FILE]; --data and --backbone may be given several times'

/** One run of `graft fit`. */
export type Run = {
  readonly data: string
  readonly backbone: string
  readonly labelsPerClass: number
  readonly seed: number
  readonly tried: string
  /** As it was given; where it was not, the default. */
  readonly budget?: string
  readonly chosen: string | null
  readonly testAccuracy: number
  readonly testImages: number
  /** Cross-validated accuracy of each strategy. */
  readonly strategies: Readonly<Record<string, number | null>>
  readonly seconds: number
  /** The load of the machine at the end: the run itself is a load of about one for each core. */
  readonly load: number
}

/** What is read of `graft fit --json`. */
type Fit = {
  readonly chosen: string | null
  readonly strategies: readonly { name: string; accuracy: { mean: number } | null }[]
  readonly test: { readonly accuracy: number; readonly n: number } | null
}

/** What is measured over some seeds. */
type Cell = Pick<Run, 'data' | 'backbone' | 'labelsPerClass' | 'tried'>

/**
 * Accuracy on test images and wall time of `graft fit` over some seeds, for each data set, backbone and number of labels. Runs that the
 * file of results has are not run again.
 */
export async function measureTransfer(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string', multiple: true, default: [] },
      backbone: { type: 'string', multiple: true, default: [] },
      seeds: { type: 'string', default: '5' },
      'labels-per-class': { type: 'string', default: '5,10,20' },
      strategies: { type: 'string', default: 'transfer' },
      results: { type: 'string', default: path('results/transfer.json') },
    },
  })
  const { data, backbone, results, strategies: tried } = values
  if (data.length === 0 || backbone.length === 0) throw new GraftError('bad-usage', usage)
  if (!existsSync(path('../dist/cli/main.js')))
    throw new GraftError('bad-usage', 'not built: run "npm run build"')
  await mkdir(dirname(results), { recursive: true })

  let runs: readonly Run[] = existsSync(results) ? JSON.parse(await readFile(results, 'utf8')) : []
  const labels = values['labels-per-class'].split(',').map(Number)
  for (const folder of data) {
    for (const file of backbone) {
      for (const labelsPerClass of labels) {
        const cell = { data: basename(folder), backbone: basename(file), labelsPerClass, tried }
        for (let seed = 0; seed < Number(values.seeds); seed++) {
          const known = runs.find((run) => run.seed === seed && isOf(cell, run))
          const run = known ?? {
            ...cell,
            seed,
            ...(await fitOnce(folder, { backbone: file, labelsPerClass, seed, strategies: tried })),
          }
          print(run)
          if (known) continue
          runs = [...runs, run]
          await writeFileAtomic(results, `${JSON.stringify(runs, null, 2)}\n`)
        }
        const found = runs.filter((run) => run.seed < Number(values.seeds) && isOf(cell, run))
        summarize(cell, found)
      }
    }
  }
}

const isOf = (cell: Cell, run: Run) =>
  run.data === cell.data &&
  run.backbone === cell.backbone &&
  run.labelsPerClass === cell.labelsPerClass &&
  run.tried === cell.tried

/** Runs `graft fit` once, in a process of its own. */
export async function fitOnce(
  data: string,
  given: {
    readonly backbone: string
    readonly labelsPerClass: number
    readonly seed: number
    readonly strategies: string
    readonly budget?: string
  },
): Promise<Omit<Run, 'data' | 'backbone' | 'labelsPerClass' | 'seed' | 'tried'>> {
  const { labelsPerClass, ...others } = given
  const folder = await mkdtemp(join(tmpdir(), 'graft-bench-'))
  try {
    const begin = performance.now()
    const options = {
      output: join(folder, 'run'),
      'labels-per-class': labelsPerClass,
      ...others,
    }
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
    const fitted: Fit = JSON.parse(await graft(['fit', data, ...flags, '--json']))
    const seconds = (performance.now() - begin) / 1000
    if (!fitted.test)
      throw new GraftError(
        'bad-input',
        `${data} has no test images: it needs a train and a test folder`,
      )
    return {
      chosen: fitted.chosen,
      testAccuracy: fitted.test.accuracy,
      testImages: fitted.test.n,
      strategies: Object.fromEntries(
        fitted.strategies.map(({ name, accuracy }) => [name, accuracy?.mean ?? null]),
      ),
      seconds: Math.round(seconds * 10) / 10,
      load: Math.round((loadavg()[0] as number) * 100) / 100,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What a command prints; its progress goes to the terminal. */
async function graft(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [path('../bin/graft.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    printed += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new GraftError('internal', `graft ${args[0]} ended with code ${code}`)
  return printed
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

function print({ seed, testAccuracy, testImages, chosen, seconds }: Run): void {
  const result = `${percent(testAccuracy)} of ${testImages} test images`
  console.log(`seed ${seed}: ${result}, ${chosen}, ${seconds.toFixed(0)} s`)
}

function summarize({ data, backbone, labelsPerClass }: Cell, runs: readonly Run[]): void {
  const spread = (values: readonly number[]) => (values.length > 1 ? standardDeviation(values) : 0)
  const accuracies = runs.map((run) => run.testAccuracy)
  const seconds = runs.map((run) => run.seconds)
  console.log(
    `${data}, ${backbone}, ${labelsPerClass} labels a class, ${runs.length} seeds: ${percent(mean(accuracies))} +- ${percent(spread(accuracies))} (standard deviation), ` +
      `${mean(seconds).toFixed(0)} +- ${spread(seconds).toFixed(0)} s`,
  )
}
