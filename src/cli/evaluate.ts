import type { Command } from 'commander'
import type { Evaluation } from '../comparison/record.ts'
import type { Device } from '../runtime/session.ts'
import { openModelArgument } from './model-argument.ts'
import { deviceOption } from './options.ts'
import { listen, withProgress } from './progress.ts'

export function evaluateCommand(program: Command): void {
  program
    .command('evaluate')
    .description('measure a model on labelled images')
    .argument('<model>', 'the folder of a run, or a model.onnx that Graft exported')
    .argument('<data>', 'labelled images, as for fit; of a folder with test/, that part')
    .addOption(deviceOption())
    .option('--json', 'print the result as JSON')
    .action(async (path: string, data: string, options: { device: Device; json?: true }) => {
      const [{ scanTest }, { decodeImages }, { evaluate }, { runtimeFor }, { GraftError }] =
        await Promise.all([
          import('../data/scan.ts'),
          import('../data/decode-images.ts'),
          import('../comparison/evaluate.ts'),
          import('../runtime/devices.ts'),
          import('../errors.ts'),
        ])
      const runtime = await runtimeFor(options.device)
      const model = await openModelArgument(path)
      const { test, skipped } = await scanTest(data, model.classes)
      const { result, unread } = await withProgress(async (progress) => {
        for (const { file, reason } of skipped) progress.line(`skipped ${file}: ${reason}`)
        const images = await listen(decodeImages('test', test, model.size), (event) => {
          if (event.type === 'decode') progress.update('reading images', event.done, event.total)
          else progress.line(`skipped ${event.file}: ${event.reason}`)
        })
        if (images.images.count === 0) {
          throw new GraftError('bad-input', `${data}: none of the images can be decoded`)
        }
        const result = await listen(evaluate(model, images, runtime), ({ done, total }) =>
          progress.update('classifying', done, total),
        )
        return { result, unread: skipped.length + images.skipped.length }
      })
      process.stdout.write(
        options.json ? `${JSON.stringify(result, null, 2)}\n` : describe(result, unread),
      )
    })
}

function describe(
  { accuracy, low, high, n, logLoss, classes }: Evaluation,
  skipped: number,
): string {
  const percent = (share: number | null) => (share === null ? '–' : `${(100 * share).toFixed(1)} %`)
  const width = Math.max(5, ...classes.map((score) => score.class.length))
  return [
    `accuracy ${percent(accuracy)} (95 % interval ${percent(low)} to ${percent(high)}) of ${n} images`,
    `log loss ${logLoss.toFixed(3)}`,
    ...(skipped > 0 ? [`skipped ${skipped}, named above`] : []),
    '',
    `${'class'.padEnd(width)}  ${'recall'.padStart(8)}  ${'precision'.padStart(9)}  ${'images'.padStart(6)}`,
    ...classes.map(
      (score) =>
        `${score.class.padEnd(width)}  ${percent(score.recall).padStart(8)}  ${percent(score.precision).padStart(9)}  ${String(score.n).padStart(6)}`,
    ),
    '',
  ].join('\n')
}
