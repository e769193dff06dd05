import { GraftError } from '../errors.ts'

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
