import { mkdir } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { bundledDataFolder } from '../../src/comparison/bundled-data.ts'
import {
  type ExperimentData,
  graftingExperiment,
} from '../../src/comparison/grafting-experiment.ts'
import { decodeDataset } from '../../src/data/dataset.ts'
import { scan } from '../../src/data/scan.ts'
import { GraftError } from '../../src/errors.ts'
import { finish } from '../../src/events.ts'
import { writeFileAtomic } from '../../src/files.ts'
import { defaultRuntime } from '../../src/runtime/default.ts'
import { version } from '../../src/version.ts'
import { describeMachine } from '../machine.ts'
import { addCells, type Cell, type CellKey, findCell, readCells } from './cells.ts'
import { type Panel, pairsFigure } from './figure.ts'
import { type Network, networks } from './networks.ts'
import { type JudgedPair, judgePairs, overallGain, pairLine, summaryLines } from './summary.ts'

const usage =
  'usage: npm run bench -- pairs [--data FOLDER] [--seeds 10] [--network selu|relu] [--results FILE] [--figure FILE.svg]'

/** Labels of the pair together, as in the book. */
const labels = 200

/**
 * Network A learns eight classes, network B tells the other two apart with 200 labels, from scratch and on the layers of A: for all pairs of
 * classes, over some seeds. Pairs that the file of results has are not run again.
 */
export async function measurePairs(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string', default: bundledDataFolder() },
      seeds: { type: 'string', default: '10' },
      network: { type: 'string' },
      figure: { type: 'string' },
      results: {
        type: 'string',
        default: fileURLToPath(new URL('../results/pairs.json', import.meta.url)),
      },
    },
  })
  const seeds = Number(values.seeds)
  const chosen = networks.filter(({ name }) => (values.network ?? name) === name)
  if (!(Number.isInteger(seeds) && seeds > 0) || chosen.length === 0)
    throw new GraftError('bad-usage', usage)
  await mkdir(dirname(values.results), { recursive: true })

  const data = await readImages(values.data)
  const about = { data: basename(resolve(values.data)), trainImages: data.train.labels.length }
  const known = await readCells(values.results)
  const done: Cell[] = []
  const panels: Panel[] = []
  for (const network of chosen) {
    console.log(network.title)
    const cells: Cell[] = []
    for (const pair of pairsOf(data.train.labels)) {
      const key = { ...about, network: network.name, pair }
      const found = findCell(known, key)
      const cell =
        found && found.scratch.length >= seeds ? found : await measure(data, network, key, seeds)
      cells.push(cell)
      done.push(cell)
      if (cell !== found) await addCells(values.results, done)
      console.log(`  ${pairLine(judgePairs([cell], seeds)[0] as JudgedPair)}`)
    }
    const { title, published } = network
    const judged = judgePairs(cells, seeds)
    for (const line of summaryLines(title, judged, overallGain(cells, seeds))) console.log(line)
    panels.push({ title, judged, published })
  }
  if (values.figure) await writeFileAtomic(values.figure, await pairsFigure(panels))
}

async function readImages(folder: string): Promise<ExperimentData> {
  const source = await scan(folder)
  const shape = { height: 28, width: 28, channels: 1 } as const
  const { train, test } = await finish(decodeDataset(source, shape, { cache: null }))
  if (!test) throw new GraftError('bad-input', `${folder} has no test images`)
  return { train, test }
}

function pairsOf(trainLabels: Int32Array): (readonly [number, number])[] {
  const classes = [...new Set(trainLabels)].sort((a, b) => a - b)
  return classes.flatMap((one, i) => classes.slice(i + 1).map((other) => [one, other] as const))
}

async function measure(
  data: ExperimentData,
  { sizes, activation }: Network,
  key: CellKey,
  seeds: number,
): Promise<Cell> {
  const begin = performance.now()
  const options = { pair: key.pair, sizes, activation, labels, seeds }
  const result = await finish(graftingExperiment(data, options, await defaultRuntime()))
  const { cpu, onnxruntime } = describeMachine(null)
  return {
    ...key,
    source: result.seeds.map((seed) => seed.sourceAccuracy),
    scratch: result.seeds.map((seed) => seed.scratch.accuracy),
    grafted: result.seeds.map((seed) => seed.grafted.accuracy),
    testImages: data.test.labels.filter((label) => key.pair.includes(label)).length,
    seconds: Math.round((performance.now() - begin) / 100) / 10,
    graft: version,
    onnxruntime,
    cpu,
  }
}
