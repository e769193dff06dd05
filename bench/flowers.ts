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
  'usage: npm run bench -- flowers --data FOLDER --backbone FILE [--seeds 5] [--labels-per-class 20] [--results FILE]'

/** One run of `graft fit`. */
type Run = {
  readonly data: string
  readonly backbone: string
  readonly labelsPerClass: number
  readonly seed: number
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

/**
 * Accuracy on test images and wall time of `graft fit` over some seeds, few labels each. Runs that the file of results has are not
 * run again.
 */
export async function measureFlowers(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      backbone: { type: 'string' },
      seeds: { type: 'string', default: '5' },
      'labels-per-class': { type: 'string', default: '20' },
      results: { type: 'string', default: path('results/flowers.json') },
    },
  })
  const { data, backbone, results } = values
  if (!data || !backbone) throw new GraftError('bad-usage', usage)
  if (!existsSync(path('../dist/cli/main.js')))
    throw new GraftError('bad-usage', 'not built: run "npm run build"')
  await mkdir(dirname(results), { recursive: true })

  const setting = {
    data: basename(data),
    backbone: basename(backbone),
    labelsPerClass: Number(values['labels-per-class']),
  }
  const isOfSetting = (run: Run) =>
    run.data === setting.data &&
    run.backbone === setting.backbone &&
    run.labelsPerClass === setting.labelsPerClass
  let runs: readonly Run[] = existsSync(results) ? JSON.parse(await readFile(results, 'utf8')) : []
  const wanted = Array.from({ length: Number(values.seeds) }, (_, seed) => seed)
  const found = () => runs.filter((run) => isOfSetting(run) && wanted.includes(run.seed))
  for (const run of found()) print(run)
  for (const seed of wanted) {
    if (found().some((run) => run.seed === seed)) continue
    const run = { ...setting, seed, ...(await learn(data, backbone, setting.labelsPerClass, seed)) }
    print(run)
    runs = [...runs, run]
    await writeFileAtomic(results, `${JSON.stringify(runs, null, 2)}\n`)
  }
  summarize(found())
}

async function learn(data: string, backbone: string, labelsPerClass: number, seed: number) {
  const folder = await mkdtemp(join(tmpdir(), 'graft-bench-'))
  try {
    const begin = performance.now()
    const options = {
      output: join(folder, 'run'),
      'labels-per-class': labelsPerClass,
      backbone,
      strategies: 'scratch,transfer',
      seed,
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

function summarize(runs: readonly Run[]): void {
  const spread = (values: readonly number[]) => (values.length > 1 ? standardDeviation(values) : 0)
  const accuracies = runs.map((run) => run.testAccuracy)
  const seconds = runs.map((run) => run.seconds)
  console.log(
    `${runs.length} seeds: ${percent(mean(accuracies))} +- ${percent(spread(accuracies))} (standard deviation), ` +
      `${mean(seconds).toFixed(0)} +- ${spread(seconds).toFixed(0)} s`,
  )
}
