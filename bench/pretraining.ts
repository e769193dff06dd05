import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { GraftError } from '../src/errors.ts'
import { writeFileAtomic } from '../src/files.ts'
import { meanInterval } from '../src/statistics/means.ts'
import { fitOnce, type Run } from './transfer.ts'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const usage =
  'usage: npm run bench -- pretraining --data FOLDER --labels-per-class 10 [--images 20000] [--strategies scratch,autoencoder,gan,rotation,jigsaw,contrastive] [--seeds 5] [--budget 20m] [--results FILE]'

/**
 * Accuracy on test images of each method of pretraining by itself, beside `scratch`, over some seeds that draw the labels too: all other images have none. Runs
 * that the file of results has are not run again.
 */
export async function measurePretraining(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      'labels-per-class': { type: 'string' },
      images: { type: 'string' },
      strategies: {
        type: 'string',
        default: 'scratch,autoencoder,gan,rotation,jigsaw,contrastive',
      },
      seeds: { type: 'string', default: '5' },
      budget: { type: 'string', default: '20m' },
      results: { type: 'string', default: path('results/pretraining.json') },
    },
  })
  const { data, results, budget, images } = values
  const labelsPerClass = Number(values['labels-per-class'])
  if (!data || !(labelsPerClass > 0)) throw new GraftError('bad-usage', usage)
  let runs: readonly Run[] = existsSync(results) ? JSON.parse(await readFile(results, 'utf8')) : []
  const subset = images ? await firstImages(data, Number(images)) : null
  const name = images ? `${basename(data)}, ${images} images` : basename(data)
  const strategies = values.strategies.split(',')
  try {
    // One seed after the other: an unfinished table says something of every method.
    for (let seed = 0; seed < Number(values.seeds); seed++) {
      for (const tried of strategies) {
        const cell = { data: name, backbone: 'none', labelsPerClass, seed, tried, budget }
        if (runs.some((run) => isOf(cell, run))) continue
        const given = { backbone: 'none', labelsPerClass, seed, strategies: tried, budget }
        const run: Run = { ...cell, ...(await fitOnce(subset ?? data, given)) }
        console.log(
          `seed ${seed}, ${tried}: ${(100 * run.testAccuracy).toFixed(1)} %, ${run.seconds} s`,
        )
        runs = [...runs, run]
        await writeFileAtomic(results, `${JSON.stringify(runs, null, 2)}\n`)
      }
    }
  } finally {
    if (subset) await rm(subset, { recursive: true, force: true })
  }
  const own = runs.filter((run) => run.data === name && run.labelsPerClass === labelsPerClass)
  for (const tried of strategies) summarize(tried, budget, own)
}

const isOf = (cell: Omit<Run, keyof Awaited<ReturnType<typeof fitOnce>>>, run: Run) =>
  Object.entries(cell).every(([key, value]) => run[key as keyof Run] === value)

/**
 * The mean over the seeds, and that of the differences to `scratch` on the same seeds, with intervals at 95 %. Its budget may be another: it makes as many
 * steps as help.
 */
function summarize(tried: string, budget: string, runs: readonly Run[]): void {
  const bySeed = (some: readonly Run[]) => new Map(some.map((run) => [run.seed, run.testAccuracy]))
  const own = bySeed(runs.filter((run) => run.tried === tried && run.budget === budget))
  const scratch = bySeed(runs.filter((run) => run.tried === 'scratch'))
  const gains = [...own].flatMap(([seed, accuracy]) => {
    const base = scratch.get(seed)
    return base === undefined ? [] : [accuracy - base]
  })
  const show = (values: readonly number[]) => {
    if (values.length < 2) return values.map((value) => (100 * value).toFixed(1)).join('')
    const { mean, low, high } = meanInterval(values)
    return `${[mean, low, high].map((value) => (100 * value).toFixed(1)).join(' ')}`
  }
  console.log(
    `${tried.padEnd(12)} ${show([...own.values()])} | over scratch ${show(gains)} (${own.size} seeds)`,
  )
}

/** A folder with the first training images of one that is named as in MNIST, and all of its test images. */
async function firstImages(folder: string, count: number): Promise<string> {
  const part = await mkdtemp(join(tmpdir(), 'graft-bench-'))
  for (const name of ['t10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz']) {
    await copyFile(join(folder, name), join(part, name))
  }
  const files = {
    'train-images-idx3-ubyte.gz': [16, 28 * 28],
    'train-labels-idx1-ubyte.gz': [8, 1],
  }
  for (const [name, [header = 0, bytes = 0]] of Object.entries(files)) {
    const whole = gunzipSync(await readFile(join(folder, name)))
    const first = Buffer.from(whole.subarray(0, header + count * bytes))
    first.writeUInt32BE(count, 4)
    await writeFile(join(part, name), gzipSync(first, { level: 1 }))
  }
  return part
}
