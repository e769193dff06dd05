import { type Command, Option } from 'commander'
import type { FitConfiguration } from '../comparison/fit.ts'
import type { RunRecord } from '../comparison/record.ts'
import type { RunFolder } from '../comparison/run-folder.ts'
import type { Device, Runtime } from '../runtime/session.ts'
import { count, countOrAll, deviceOption, duration, positiveInteger, rate } from './options.ts'
import { listen, withProgress } from './progress.ts'
import { showEvent } from './show-events.ts'

type FitOptions = {
  readonly output: string
  readonly backbone: string
  readonly strategies: string
  readonly unlabelled?: string
  readonly related?: string
  readonly rule?: string
  readonly test?: string
  readonly labelsPerClass?: number
  readonly seed: number
  readonly budget: number
  readonly mean?: string
  readonly std?: string
  readonly reuse?: string
  readonly thaw?: number | 'all'
  readonly thawRate?: number
  readonly head?: 'linear' | 'selected'
  readonly newBlocks?: number
  readonly statistics?: 'frozen' | 'batch'
  readonly device: Device
  readonly json?: true
}

export function fitCommand(program: Command): void {
  program
    .command('fit')
    .description('learn to tell your images apart, by every strategy that fits, and keep the best')
    .argument(
      '<data>',
      'a folder of class folders, a folder with train/ and test/, a CSV manifest, or IDX files as images,labels',
    )
    .requiredOption('-o, --output <run>', 'a new folder for all that the run writes')
    .option(
      '--backbone <network>',
      'a trained network to reuse: an ONNX file, an address, owner/name on the Hugging Face hub, "none", or "auto" for one that suits',
      'auto',
    )
    .option('--strategies <list>', 'the strategies to try', 'scratch,transfer')
    .option('--unlabelled <dir>', 'further images without labels')
    .option(
      '--related <dir>',
      'other images with labels of their own, for the strategies labelled and pairs',
    )
    .option(
      '--rule <file>',
      'for the strategy rules: a module whose default export makes a label of an image',
    )
    .option('--test <dir>', 'labelled images to measure the result on, once')
    .option('--labels-per-class <n>', 'use only so many labels of each class', positiveInteger)
    .option('--seed <n>', 'what all random choices follow from', count, 0)
    .addOption(
      new Option('--budget <time>', 'about how long it may take, such as 90s, 10m or 1h')
        .argParser(duration)
        .default(600, '10m'),
    )
    .option('--mean <numbers>', "the backbone's mean of x / 255: one number or one a channel")
    .option('--std <numbers>', "the backbone's standard deviation of x / 255")
    .option(
      '--reuse <cut>',
      'how far to reuse the backbone: a cut or block that "graft inspect" names',
    )
    .option(
      '--thaw <n>',
      'how many reused blocks to train on, from the top: 0, or up to "all"',
      countOrAll,
    )
    .option(
      '--thaw-rate <rate>',
      'the learning rate of thawed blocks (default: by a range test)',
      rate,
    )
    .addOption(
      new Option(
        '--head <kind>',
        'what the output layer reads: features of one depth, or the best of all',
      ).choices(['linear', 'selected']),
    )
    .option('--new-blocks <n>', 'how many new blocks to put on top of the reused ones', count)
    .addOption(
      new Option('--statistics <which>', 'what batch normalization in thawed blocks uses').choices([
        'frozen',
        'batch',
      ]),
    )
    .addOption(deviceOption())
    .option('--json', 'print the result as JSON')
    .action(async (data: string, options: FitOptions) => {
      const [{ createRunFolder }, { runtimeFor }] = await Promise.all([
        import('../comparison/run-folder.ts'),
        import('../runtime/devices.ts'),
      ])
      const { backbone } = options
      const configuration: FitConfiguration = {
        data,
        backbone: backbone === 'none' ? null : backbone,
        strategies: options.strategies,
        unlabelled: options.unlabelled ?? null,
        related: options.related ?? null,
        rule: options.rule ?? null,
        test: options.test ?? null,
        labelsPerClass: options.labelsPerClass ?? null,
        seed: options.seed,
        budget: options.budget,
        mean: options.mean ?? null,
        std: options.std ?? null,
        reuse: options.reuse ?? null,
        thaw: options.thaw ?? null,
        thawRate: options.thawRate ?? null,
        head: options.head ?? null,
        newBlocks: options.newBlocks ?? null,
        statistics: options.statistics ?? null,
      }
      const runtime = await runtimeFor(options.device)
      const folder = await createRunFolder(options.output)
      try {
        await runFit(configuration, folder, runtime, options.json === true)
      } catch (error) {
        folder.discard()
        throw error
      }
    })
}

/**
 * Runs a fit with everything around it: progress, event log, report and result.
 *
 * @param began the record of the same run where it is resumed
 */
export async function runFit(
  configuration: FitConfiguration,
  folder: RunFolder,
  runtime: Runtime,
  json: boolean,
  began: RunRecord | null = null,
): Promise<void> {
  const lastWords = () => {
    if (!folder.isResumable()) folder.discard()
    const advice = folder.isResumable()
      ? `go on with "graft resume ${folder.path}"`
      : 'run it again'
    process.stderr.write(`interrupted: ${advice}\n`)
  }
  const result = await withProgress(async (progress) => {
    const [comparison, { writeFitReport }] = await Promise.all([
      import('../comparison/fit.ts'),
      import('./report.ts'),
    ])
    const fitted = await listen(comparison.fit(configuration, folder, runtime, began), (event) => {
      showEvent(event, progress)
      folder.log(event)
    })
    await writeFitReport(folder.report, fitted)
    return fitted
  }, lastWords)
  printResult(result.record, folder, json)
}

export function printResult(record: RunRecord, folder: RunFolder, json: boolean): void {
  process.stdout.write(
    json ? `${JSON.stringify(resultOf(record, folder), null, 2)}\n` : summaryOf(record, folder),
  )
}

/** What `fit --json` prints. */
function resultOf(record: RunRecord, folder: RunFolder) {
  const { test } = record
  return {
    run: folder.path,
    chosen: record.chosen,
    verdict: record.verdict,
    strategies: record.strategies.map(
      ({ name, status, reason, accuracy, seconds, reusedUpTo, thawedFrom }) => ({
        name,
        status,
        reason,
        accuracy,
        seconds: Math.round(seconds * 10) / 10,
        reusedUpTo,
        thawedFrom,
      }),
    ),
    test: test && { accuracy: test.accuracy, low: test.low, high: test.high, n: test.n },
    model: folder.model,
    report: folder.report,
  }
}

function summaryOf({ chosen, test, data }: RunRecord, folder: RunFolder): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`
  const lines = [
    `chosen   ${chosen}`,
    test &&
      `test     ${percent(test.accuracy)} (${percent(test.low)} to ${percent(test.high)}) of ${test.n} images`,
    data.skipped.length > 0 && `skipped  ${data.skipped.length}, named in the report`,
    `model    ${folder.model}`,
    `report   ${folder.report}`,
  ]
  return `${lines.filter(Boolean).join('\n')}\n`
}
