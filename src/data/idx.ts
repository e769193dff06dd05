import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { GraftError } from '../errors.ts'
import type { PixelBlock } from './pixels.ts'

export type IdxArray = { readonly dims: readonly number[]; readonly data: Uint8Array }

const unsignedByte = 0x08

/**
 * Parses the IDX format of the MNIST files: two zero bytes, the element type, the number of dimensions, the dimensions
 * as big-endian 32-bit integers, then the elements. Only unsigned bytes are read, as in all MNIST-like sets. `file` is
 * for the messages of its `bad-input` errors. The result shares memory with `bytes`.
 */
export function parseIdx(bytes: Uint8Array, file: string): IdxArray {
  const [zero0, zero1, type, rank = 0] = bytes
  const start = 4 + 4 * rank
  if (zero0 !== 0 || zero1 !== 0 || rank === 0 || bytes.length < start) {
    throw new GraftError(
      'bad-input',
      `${file}: not an IDX file (its first bytes are not an IDX magic number)`,
    )
  }
  if (type !== unsignedByte) {
    throw new GraftError(
      'bad-input',
      `${file}: holds IDX elements of type ${type}; only unsigned bytes (8) are read`,
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const dims = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i))
  const size = dims.reduce((product, dim) => product * dim, 1)
  if (bytes.length - start !== size) {
    throw new GraftError(
      'bad-input',
      `${file}: says it holds [${dims.join(', ')}] = ${size} bytes, but ${bytes.length - start} follow; it is cut short or damaged`,
    )
  }
  return { dims, data: bytes.subarray(start) }
}

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
