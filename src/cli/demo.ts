import type { Command } from 'commander'
import type {
  ExperimentData,
  ExperimentEvent,
  ExperimentResult,
} from '../comparison/grafting-experiment.ts'
import type { Device } from '../runtime/session.ts'
import { deviceOption, positiveInteger } from './options.ts'
import { listen, withProgress } from './progress.ts'

type DemoOptions = {
  readonly data?: string
  readonly seeds: number
  readonly output: string
  readonly device: Device
}

/** Sandals and shirts: far apart, and neither is among what network A learns. */
const pair = [5, 6] as const
const labels = 200
const design = { sizes: [300, 100, 50, 50, 50], activation: 'selu' } as const

export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description(
      'see on real images whether grafting helps: Fashion-MNIST, eight classes to two others',
    )
    .option('--data <dir>', 'the whole of Fashion-MNIST instead of the part that comes with Graft')
    .option('--seeds <n>', 'how often to repeat it', positiveInteger, 10)
    .option('-o, --output <file>', 'where to write the report', 'graft-demo.html')
    .addOption(deviceOption())
    .action(async (options: DemoOptions) => {
      const start = performance.now()
      const [
        { graftingExperiment },
        bundled,
        { runtimeFor },
        { demoReport, demoVerdict },
        { writeReport },
      ] = await Promise.all([
        import('../comparison/grafting-experiment.ts'),
        import('../comparison/bundled-data.ts'),
        import('../runtime/devices.ts'),
        import('../report/demo-report.ts'),
        import('../report/write-report.ts'),
      ])
      const runtime = await runtimeFor(options.device)
      const names = pair.map((label) => bundled.fashionClasses[label] as string) as [string, string]
      const data = await readData(options.data ?? bundled.bundledDataFolder())
      const { train } = data
      process.stderr.write(
        `Network A learns eight kinds of clothes. Network B has to tell ${names[0]} from ${names[1]} with ${labels} labels:\n` +
          'once from scratch, and once grafted on the layers of A.\n\n',
      )
      const experiment = graftingExperiment(
        data,
        { pair, ...design, labels, seeds: options.seeds },
        runtime,
      )
      const result = await showing(experiment)
      const seconds = (performance.now() - start) / 1000
      const input = {
        title: 'Does it help to graft?',
        classes: names,
        labels,
        ...result,
        sampleImages: pair.flatMap((label) =>
          firstRows(train.labels, label, 5).map((row) => ({
            label: bundled.fashionClasses[label] as string,
            pixels: train.images.data.subarray(row * 784, (row + 1) * 784),
          })),
        ),
        seconds,
        dataSource: bundled.bundledDataSource,
      }
      await writeReport(options.output, await demoReport(input))
      process.stdout.write(
        `${tableOf(result)}\n${demoVerdict(input)}\n\nreport  ${options.output}\n`,
      )
    })
}

async function readData(path: string): Promise<ExperimentData> {
  const [{ scan }, { decodeDataset }, { GraftError }, { finish }] = await Promise.all([
    import('../data/scan.ts'),
    import('../data/dataset.ts'),
    import('../errors.ts'),
    import('../events.ts'),
  ])
  const size = { height: 28, width: 28, channels: 1 }
  const { train, test, classes } = await finish(decodeDataset(await scan(path), size))
  if (!test || classes.length !== 10) {
    throw new GraftError(
      'bad-input',
      `${path}: is not Fashion-MNIST: give the folder of its four files (train-images-idx3-ubyte.gz and so on)`,
    )
  }
  return { train, test }
}

function firstRows(labels: Int32Array, label: number, count: number): number[] {
  return Array.from(labels.keys())
    .filter((row) => labels[row] === label)
    .slice(0, count)
}

function showing(experiment: AsyncGenerator<ExperimentEvent, ExperimentResult>) {
  return withProgress((progress) =>
    listen(experiment, (event) => {
      if (event.type === 'progress') progress.update(event.phase, event.done, event.total)
    }),
  )
}

function tableOf({ seeds }: ExperimentResult): string {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
  const rows = seeds.map(({ seed, scratch, grafted }) => [
    String(seed),
    percent(scratch.accuracy),
    percent(grafted.accuracy),
  ])
  const means = [
    'mean',
    percent(mean(seeds.map(({ scratch }) => scratch.accuracy))),
    percent(mean(seeds.map(({ grafted }) => grafted.accuracy))),
  ]
  return [['seed', 'scratch', 'grafted'], ...rows, means]
    .map(
      ([seed = '', scratch = '', grafted = '']) =>
        `${seed.padEnd(4)}  ${scratch.padStart(9)}  ${grafted.padStart(9)}`,
    )
    .join('\n')
    .concat('\n')
}
