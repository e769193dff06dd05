import { GraftError } from '../errors.ts'

/**
 * Element types of ONNX that Graft reads, with the typed array that holds them. Booleans are bytes; float16 and bfloat16
 * are their raw 16 bits. `code` is the number in `TensorProto.DataType`.
 */
export const elementTypes = {
  float32: { code: 1, array: Float32Array },
  uint8: { code: 2, array: Uint8Array },
  int8: { code: 3, array: Int8Array },
  uint16: { code: 4, array: Uint16Array },
  int16: { code: 5, array: Int16Array },
  int32: { code: 6, array: Int32Array },
  int64: { code: 7, array: BigInt64Array },
  bool: { code: 9, array: Uint8Array },
  float16: { code: 10, array: Uint16Array },
  float64: { code: 11, array: Float64Array },
  uint32: { code: 12, array: Uint32Array },
  uint64: { code: 13, array: BigUint64Array },
  bfloat16: { code: 16, array: Uint16Array },
} as const

export type ElementType = keyof typeof elementTypes

export type TypedArray =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

/** An n-dimensional array in row-major order; `dims` is empty for a scalar. */
export type Tensor = {
  readonly type: ElementType
  readonly dims: readonly number[]
  readonly data: TypedArray
}

/** The element type and the exact dimensions of a value. */
export type TensorType = { readonly type: ElementType; readonly dims: readonly number[] }

/** The number of elements of a tensor with these dimensions. */
export function sizeOf(dims: readonly number[]): number {
  let size = 1
  for (const dim of dims) size *= dim
  return size
}

/** The bytes that a tensor of this type takes. */
export function byteSize({ type, dims }: TensorType): number {
  return sizeOf(dims) * elementTypes[type].array.BYTES_PER_ELEMENT
}

/** A float32 tensor; throws `bad-input` where the count of values is not what the dimensions say. */
export function float32(dims: readonly number[], values: ArrayLike<number>): Tensor {
  const data = values instanceof Float32Array ? values : Float32Array.from(values)
  if (data.length !== sizeOf(dims)) {
    throw new GraftError(
      'bad-input',
      `a float32 tensor of [${dims.join(', ')}] holds ${sizeOf(dims)} values, not ${data.length}`,
    )
  }
  return { type: 'float32', dims, data }
}

/** An int64 tensor. */
export function int64(dims: readonly number[], values: readonly (number | bigint)[]): Tensor {
  return { type: 'int64', dims, data: BigInt64Array.from(values, BigInt) }
}

/** A tensor of zeros. */
export function zeros(type: ElementType, dims: readonly number[]): Tensor {
  return { type, dims, data: new elementTypes[type].array(sizeOf(dims)) }
}

/** The values of a tensor as plain numbers, for small tensors such as shapes and axes. */
export function numbersOf(tensor: Tensor): number[] {
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number)
}

/** The bytes of a tensor, little-endian, without a copy. */
export function bytesOf(tensor: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.data
  return new Uint8Array(buffer, byteOffset, byteLength)
}
