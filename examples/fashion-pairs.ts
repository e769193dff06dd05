/**
 * Transfer learning on Fashion-MNIST, as in chapter 11 of Hands-On Machine Learning (Géron): network A learns eight classes, network B has
 * to tell the other two apart with 200 labels, from scratch and on the layers of A.
 *
 *     npx tsx examples/fashion-pairs.ts [FOLDER] [--seeds 10]
 *
 * FOLDER holds the four files of Fashion-MNIST; without it, the part that comes with Graft is used.
 */
import { parseArgs } from 'node:util'
import { bundledDataFolder, fashionClasses } from '../src/comparison/bundled-data.ts'
import {
  type ExperimentOptions,
  graftingExperiment,
} from '../src/comparison/grafting-experiment.ts'
import { decodeDataset } from '../src/data/dataset.ts'
import { scan } from '../src/data/scan.ts'
import { finish } from '../src/events.ts'
import { defaultRuntime } from '../src/runtime/default.ts'
import { meanInterval } from '../src/statistics/means.ts'

type Cell = Omit<ExperimentOptions, 'labels' | 'seeds'> & {
  readonly published: string
  /** The mean accuracy that the grafted network has to reach. */
  readonly floor: number
}

const cells: readonly Cell[] = [
  {
    pair: [5, 6],
    sizes: [300, 100, 50, 50, 50],
    activation: 'selu',
    published: '97.05 -> 99.40 (one seed); re-run over six seeds: 97.8 -> 98.6',
    floor: 0.97,
  },
  {
    pair: [0, 2],
    sizes: [100, 100, 100],
    activation: 'relu',
    published: '91.85 -> 93.85 (one seed); re-run over six seeds: 91.8 -> 92.8',
    floor: 0.87,
  },
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '10' } },
})
const source = await scan(positionals[0] ?? bundledDataFolder())
const { train, test } = await finish(
  decodeDataset(source, { height: 28, width: 28, channels: 1 }, { cache: null }),
)
if (!test) throw new Error(`${source.path} has no test images`)

const percent = (share: number) => (100 * share).toFixed(2)
for (const { published, floor, ...cell } of cells) {
  const options = { ...cell, labels: 200, seeds: Number(values.seeds) }
  const { seeds, comparison } = await finish(
    graftingExperiment({ train, test }, options, await defaultRuntime()),
  )
  const [one, other] = cell.pair.map((label) => fashionClasses[label])
  console.log(`${one} against ${other}, ${cell.sizes.join('-')} ${cell.activation}`)
  const show = (name: 'scratch' | 'grafted') => {
    const { mean, low, high } = meanInterval(seeds.map((seed) => seed[name].accuracy))
    const interval = `(${percent(Math.max(low, 0))} to ${percent(Math.min(high, 1))})`
    console.log(`  ${name.padEnd(10)} ${percent(mean)}  ${interval}`)
    return mean
  }
  show('scratch')
  const mean = show('grafted')
  const won = seeds.filter(({ scratch, grafted }) => grafted.accuracy > scratch.accuracy).length
  const { difference, low, high } = comparison
  const interval = `(${percent(low)} to ${percent(high)})`
  console.log(
    `  difference ${percent(difference)}  ${interval}, ${won} of ${seeds.length} seeds won`,
  )
  console.log(`  published  ${published}`)
  if (mean < floor) {
    console.error(`  below the floor of ${percent(floor)}`)
    process.exitCode = 1
  }
}
