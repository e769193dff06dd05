import type { Command } from 'commander'
import { openModelArgument } from './model-argument.ts'
import { createProgress, listen } from './progress.ts'

type Prediction =
  | {
      readonly file: string
      readonly label: string
      readonly probability: number
      readonly probabilities: Readonly<Record<string, number>>
    }
  | { readonly file: string; readonly error: string }

export function predictCommand(program: Command): void {
  program
    .command('predict')
    .description('name the class of images')
    .argument('<model>', 'the folder of a run, or a model.onnx that Graft exported')
    .argument('<file...>', 'image files')
    .option('--json', 'print the result as JSON')
    .action(async (path: string, files: string[], options: { json?: true }) => {
      const predictions = await predictFiles(path, files)
      const failed = predictions.some((prediction) => 'error' in prediction)
      if (options.json) process.stdout.write(`${JSON.stringify(predictions, null, 2)}\n`)
      else {
        for (const prediction of predictions) {
          if ('error' in prediction)
            process.stderr.write(`graft: ${prediction.file}: ${prediction.error}\n`)
          else {
            const share = `${(100 * prediction.probability).toFixed(1)} %`
            process.stdout.write(`${prediction.file}\t${prediction.label}\t${share}\n`)
          }
        }
      }
      if (failed) process.exitCode = 1
    })
}

/** Classifies files; those that cannot be read are in the result with an error. */
async function predictFiles(path: string, files: readonly string[]): Promise<Prediction[]> {
  const [{ decodeFile }, { bytesPerImage }, { classify }, { defaultRuntime }, { argmax }] =
    await Promise.all([
      import('../data/decode-file.ts'),
      import('../data/pixels.ts'),
      import('../comparison/evaluate.ts'),
      import('../runtime/default.ts'),
      import('../statistics/classification.ts'),
    ])
  const model = await openModelArgument(path)
  const progress = createProgress()
  const row = bytesPerImage(model.size)
  const errors = new Map<string, string>()
  const readable: string[] = []
  const data = new Uint8Array(files.length * row)
  for (const [index, file] of files.entries()) {
    const decoded = await decodeFile(file, model.size)
    if (decoded.ok) data.set(decoded.pixels, row * (readable.push(file) - 1))
    else errors.set(file, decoded.reason)
    progress.update('reading images', index + 1, files.length)
  }
  const images = { ...model.size, count: readable.length, names: readable, data }
  const rows =
    readable.length === 0
      ? []
      : await listen(classify(model, images, await defaultRuntime()), ({ done, total }) =>
          progress.update('classifying', done, total),
        )
  progress.finish()
  let next = 0
  return files.map((file): Prediction => {
    const error = errors.get(file)
    if (error !== undefined) return { file, error }
    const probabilities = rows[next++] as Float32Array
    const best = argmax(probabilities)
    return {
      file,
      label: model.classes[best] as string,
      probability: probabilities[best] as number,
      probabilities: Object.fromEntries(
        model.classes.map((name, index) => [name, probabilities[index] as number]),
      ),
    }
  })
}
