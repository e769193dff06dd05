import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { GraftError, inFile } from '../errors.ts'
import { externalDataIn } from './external-data.ts'
import type { Graph } from './graph.ts'
import { readModel } from './read.ts'

/**
 * Reads an ONNX file, with the weights that it keeps in other files of its folder.
 *
 * @throws GraftError that names the file: `bad-input` where it cannot be read, otherwise as `readModel`
 */
export async function readModelFile(path: string): Promise<Graph> {
  const bytes = await readBytes(path)
  return inFile(path, () => readModel(bytes, { external: externalDataIn(dirname(path)) }))
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

/** Says why the file system would not give an ONNX file. */
export function unreadable(path: string, cause: unknown): GraftError {
  const { code } = cause as NodeJS.ErrnoException
  const reason =
    code === 'ENOENT'
      ? 'no such file'
      : code === 'EISDIR'
        ? 'is a folder, not an ONNX file'
        : `cannot be read (${code})`
  return new GraftError('bad-input', `${path}: ${reason}`, { cause })
}
