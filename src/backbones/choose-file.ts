import { GraftError } from '../errors.ts'

/** Parts of names by which exporters mark reduced weights. */
const quantized = /(^|[_.-])(quantized|quant|qdq|u?int[48]|q[2-8]\w*|bnb4)(?=[_.-]|$)/i
const half = /(^|[_.-])(fp16|float16|half|bf16|bfloat16)(?=[_.-]|$)/i

/** Where the network is, of several: a part that takes images alone goes before a whole that takes texts too. */
const usual = ['onnx/vision_model.onnx', 'onnx/model.onnx', 'vision_model.onnx', 'model.onnx']

/**
 * Chooses the ONNX file of a repository: the one in float32, else that in half precision, and never a quantized one, which could not be
 * trained.
 *
 * @param paths all files of the repository
 * @param named the one that the user named, if any
 * @throws GraftError `bad-input` where there is none, or several without a usual name
 */
export function chooseFile(
  repository: string,
  paths: readonly string[],
  named: string | null,
): string {
  const files = paths.filter((path) => path.endsWith('.onnx'))
  if (named !== null) {
    if (files.includes(named)) return named
    throw new GraftError(
      'bad-input',
      `${repository}: has no file "${named}"${files.length > 0 ? `, but ${listed(files)}` : ''}`,
    )
  }
  const trainable = files.filter((path) => !quantized.test(nameOf(path)))
  const full = trainable.filter((path) => !half.test(nameOf(path)))
  const candidates = full.length > 0 ? full : trainable
  const wanted = usual
    .map((name) => candidates.find((path) => path.replace(half, '') === name))
    .find((path) => path !== undefined)
  const [only, ...others] = candidates
  if (wanted !== undefined) return wanted
  if (only !== undefined && others.length === 0) return only
  throw new GraftError('bad-input', reason(repository, files, candidates))
}

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)

function reason(repository: string, files: readonly string[], candidates: readonly string[]) {
  if (files.length === 0) {
    return (
      `${repository}: holds no ONNX file: look for a copy by onnx-community, or make one with ` +
      `"optimum-cli export onnx --model ${repository} FOLDER" and give FOLDER/model.onnx`
    )
  }
  if (candidates.length === 0) {
    return `${repository}: holds quantized networks only (${listed(files)}), which cannot be trained: look for one in float32`
  }
  return `${repository}: holds several networks: name one as in ${repository}:${candidates[0]}; there are ${listed(candidates)}`
}

function listed(paths: readonly string[]): string {
  const shown = paths.slice(0, 6).join(', ')
  return paths.length > 6 ? `${shown} and ${paths.length - 6} more` : shown
}
