import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { GraftError } from '../errors.ts'
import { type IdxArray, parseIdx } from './parse-idx.ts'
import type { PixelBlock } from './pixels.ts'

/** Reads an IDX file, gzipped or plain. */
export async function readIdx(file: string): Promise<IdxArray> {
  const bytes = await readFile(file)
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return parseIdx(bytes, file)
  const plain = await promisify(gunzip)(bytes).catch((error) => {
    throw new GraftError('bad-input', `${file}: a damaged gzip file`, { cause: error })
  })
  return parseIdx(plain, file)
}

/** Reads IDX images: [n, height, width], or [n, height, width, channels] with 1 or 3 channels. */
export async function readIdxImages(file: string): Promise<PixelBlock> {
  const { dims, data } = await readIdx(file)
  const [count = 0, height = 0, width = 0, channels = 1] = dims
  if (dims.length === 1) {
    throw new GraftError(
      'bad-input',
      `${file}: holds labels, not images; give IDX files as images,labels`,
    )
  }
  if (
    dims.length < 3 ||
    dims.length > 4 ||
    (channels !== 1 && channels !== 3) ||
    height * width === 0
  ) {
    throw new GraftError(
      'bad-input',
      `${file}: images are [n, height, width] or [n, height, width, 1 or 3], not [${dims.join(', ')}]`,
    )
  }
  return { count, height, width, channels, data }
}

/** Reads IDX labels: [n]. */
export async function readIdxLabels(file: string): Promise<Uint8Array> {
  const { dims, data } = await readIdx(file)
  if (dims.length !== 1) {
    throw new GraftError(
      'bad-input',
      `${file}: labels have one dimension, not [${dims.join(', ')}]; give IDX files as images,labels`,
    )
  }
  return data
}
