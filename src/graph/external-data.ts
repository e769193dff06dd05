import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { isAbsolute, join, relative, sep } from 'node:path'
import { GraftError } from '../errors.ts'
import type { ExternalData } from './read-tensor.ts'

/**
 * Reads the weights that a model keeps in other files of its folder (ONNX, docs/ExternalData.md). Only what is asked for is read.
 *
 * @param folder the folder of the model file
 * @returns a reader for `readModel`. It throws GraftError `bad-model` for a file that is missing, too short or not within the folder,
 * also by way of a link.
 */
export function externalDataIn(folder: string): ExternalData {
  return (location, offset, bytes, where) => {
    const path = locate(folder, location, where)
    try {
      return readPart(path, offset, bytes, location, where)
    } catch (cause) {
      if (cause instanceof GraftError) throw cause
      const { code } = cause as NodeJS.ErrnoException
      throw new GraftError('bad-model', `${where}: "${location}" cannot be read (${code})`, {
        cause,
      })
    }
  }
}

function readPart(
  path: string,
  offset: number,
  bytes: number,
  location: string,
  where: string,
): Uint8Array<ArrayBuffer> {
  // Opening a pipe would wait for whoever writes into it.
  if (!statSync(path).isFile()) {
    throw new GraftError(
      'bad-model',
      `${where} keeps its values in "${location}", which is no file`,
    )
  }
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const short = new GraftError(
      'bad-model',
      `${where} should be ${bytes} bytes at ${offset} of "${location}", which has ${size}: get that file again`,
    )
    if (offset + bytes > size) throw short
    const data = new Uint8Array(bytes)
    for (let done = 0; done < bytes; ) {
      const read = readSync(file, data, done, Math.min(bytes - done, 2 ** 30), offset + done)
      if (read === 0) throw short
      done += read
    }
    return data
  } finally {
    closeSync(file)
  }
}

function locate(folder: string, location: string, where: string): string {
  const outside = new GraftError(
    'bad-model',
    `${where} keeps its values in "${location}", outside the folder of the model: put that file beside the model, and no link in its place`,
  )
  // Backslashes part folders on some systems; a file for all systems has none.
  const upwards = location.split(/[/\\]/).includes('..')
  if (upwards || isAbsolute(location) || /^[a-z]:|^[/\\]/i.test(location)) throw outside
  let path: string
  let home: string
  try {
    home = realpathSync(folder)
    path = realpathSync(join(folder, location))
  } catch (cause) {
    throw new GraftError(
      'bad-model',
      `${where} keeps its values in "${location}", which is not there: put that file beside the model`,
      { cause },
    )
  }
  const inside = relative(home, path)
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) throw outside
  return path
}
