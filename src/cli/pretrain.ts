import type { Command } from 'commander'
import type { PretrainResult } from '../comparison/pretrain.ts'
import type { Device } from '../runtime/session.ts'
import { count, deviceOption, positiveInteger } from './options.ts'
import { listen, withProgress } from './progress.ts'
import { showEvent } from './show-events.ts'

type PretrainOptions = {
  readonly output: string
  readonly variant?: string
  readonly unlabelled?: string
  readonly epochs?: number
  readonly rule?: string
  readonly seed: number
  readonly device: Device
  readonly json?: true
}

export function pretrainCommand(program: Command): void {
  program
    .command('pretrain')
    .description('make a backbone from images, where nobody has trained a network on similar ones')
    .argument(
      '<method>',
      'without labels: autoencoder, gan, rotation, jigsaw, contrastive; with labels that are easy to get: labelled, pairs, rules',
    )
    .argument('<data>', 'images as for fit; labels are only used by methods that need them')
    .requiredOption('-o, --output <file>', 'the ONNX file to write, for --backbone of fit')
    .option('--variant <name>', 'a way to do it: docs/methods.md lists them')
    .option('--unlabelled <dir>', 'further images without labels')
    .option(
      '--epochs <n>',
      'passes over the images (default: as many as the method is worth)',
      positiveInteger,
    )
    .option('--rule <file>', 'for rules: a module whose default export makes a label of an image')
    .option('--seed <n>', 'what all random choices follow from', count, 0)
    .addOption(deviceOption())
    .option('--json', 'print the result as JSON')
    .action(async (method: string, data: string, options: PretrainOptions) => {
      const { output, variant = null, unlabelled = null, epochs = null, seed } = options
      const [{ pretrain }, { loadRule }, { runtimeFor }, { writePictureSheet }] = await Promise.all(
        [
          import('../comparison/pretrain.ts'),
          import('../comparison/load-rule.ts'),
          import('../runtime/devices.ts'),
          import('../report/picture-sheet.ts'),
        ],
      )
      const runtime = await runtimeFor(options.device)
      const rule = options.rule ? await loadRule(options.rule) : null
      const configuration = { method, data, output, variant, unlabelled, epochs, seed }
      const lastWords = () =>
        void process.stderr.write(
          'interrupted: the same command goes on from the last checkpoint\n',
        )
      const result = await withProgress(
        (progress) =>
          listen(pretrain(configuration, runtime, rule), (event) => showEvent(event, progress)),
        lastWords,
      )
      const { pictures } = result
      const sheet =
        pictures && pictures.rows.length > 0 ? `${output.replace(/\.onnx$/i, '')}.png` : null
      if (sheet && pictures) await writePictureSheet(sheet, pictures.rows)
      process.stdout.write(
        options.json
          ? `${JSON.stringify(documentOf(result), null, 2)}\n`
          : summaryOf(result, sheet),
      )
    })
}

function documentOf({ pictures: _, ...document }: PretrainResult) {
  return document
}

function summaryOf(
  { images, epochs, loss, backbone, pictures }: PretrainResult,
  sheet: string | null,
): string {
  const lines = [
    `images    ${images}, ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`,
    `loss      ${loss.first.toFixed(3)} in the first epoch, ${loss.last.toFixed(3)} in the last`,
    sheet && `pictures  ${sheet} (${pictures?.caption})`,
    `backbone  ${backbone}`,
    `next      graft fit DATA -o RUN --backbone ${backbone}`,
  ]
  return `${lines.filter(Boolean).join('\n')}\n`
}
