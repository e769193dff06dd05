import type { Command } from 'commander'
import type { Item } from '../data/source.ts'
import type { Device } from '../runtime/session.ts'
import { openModelArgument } from './model-argument.ts'
import { deviceOption } from './options.ts'
import { listen, plain, withProgress } from './progress.ts'

type Prediction =
  | {
      readonly file: string
      readonly label: string
      readonly probability: number
      readonly probabilities: Readonly<Record<string, number>>
    }
  | { readonly file: string; readonly error: string }

/** So many images are in memory at a time. */
const chunk = 512

export function predictCommand(program: Command): void {
  program
    .command('predict')
    .description('name the class of images')
    .argument('<model>', 'the folder of a run, or a model.onnx that Graft exported')
    .argument('<file...>', 'image files')
    .addOption(deviceOption())
    .option('--json', 'print the result as JSON')
    .action(async (path: string, files: string[], options: { device: Device; json?: true }) => {
      const predictions = await predictFiles(path, files, options.device)
      if (options.json) process.stdout.write(`${JSON.stringify(predictions, null, 2)}\n`)
      else for (const prediction of predictions) show(prediction)
      if (predictions.some((prediction) => 'error' in prediction)) process.exitCode = 1
    })
}

function show(prediction: Prediction): void {
  if ('error' in prediction) {
    process.stderr.write(`graft: ${plain(`${prediction.file}: ${prediction.error}`)}\n`)
    return
  }
  const { file, label, probability } = prediction
  process.stdout.write(`${file}\t${label}\t${(100 * probability).toFixed(1)} %\n`)
}

/** Classifies files; those that cannot be read are in the result with an error. */
async function predictFiles(
  path: string,
  files: readonly string[],
  device: Device,
): Promise<Prediction[]> {
  const [{ decodeItems }, { openClassifier }, { runtimeFor }] = await Promise.all([
    import('../data/decode-items.ts'),
    import('../comparison/evaluate.ts'),
    import('../runtime/devices.ts'),
  ])
  const runtime = await runtimeFor(device)
  const model = await openModelArgument(path)
  const classifier = await openClassifier(model, runtime)
  const { items, unreadable } = await findFiles(files)
  const predictions = new Map<string, Prediction>(unreadable)
  await withProgress(async (progress) => {
    for (let start = 0; start < items.length; start += chunk) {
      const part = items.slice(start, start + chunk)
      const nameOf = (index: number) => (part[index] as Item).name
      // Reading an image and classifying it are a half each.
      const show = (done: number) =>
        progress.update('classifying images', 2 * start + done, 2 * items.length)
      const { kept, failed, data } = await listen(decodeItems(part, model.size, null), ({ done }) =>
        show(done),
      )
      for (const { index, reason } of failed) {
        predictions.set(nameOf(index), { file: nameOf(index), error: reason })
      }
      const images = { ...model.size, count: kept.length, names: kept.map(nameOf), data }
      const rows = await listen(classifier.classify(images), ({ done }) => show(part.length + done))
      for (const [row, probabilities] of rows.entries()) {
        const file = images.names[row] as string
        predictions.set(file, predictionOf(file, probabilities, model.classes))
      }
    }
  })
  await classifier.release()
  return files.map((file) => predictions.get(file) as Prediction)
}

async function findFiles(files: readonly string[]) {
  const { entryAt, notAFile } = await import('../data/find-images.ts')
  const items: Item[] = []
  const unreadable: [string, Prediction][] = []
  for (const file of new Set(files)) {
    const entry = await entryAt(file)
    if (entry.kind === 'file') items.push({ name: file, label: null, origin: entry.origin })
    else unreadable.push([file, { file, error: notAFile[entry.kind] }])
  }
  return { items, unreadable }
}

function predictionOf(
  file: string,
  probabilities: Float32Array,
  classes: readonly string[],
): Prediction {
  const best = probabilities.indexOf(Math.max(...probabilities))
  return {
    file,
    label: classes[best] as string,
    probability: probabilities[best] as number,
    probabilities: Object.fromEntries(
      classes.map((name, index) => [name, probabilities[index] as number]),
    ),
  }
}
