import { type ElementType, elementTypes, type Tensor } from '../src/graph/tensor.ts'
import { readBytes } from './read-bytes.ts'

/** A tensor as the reference scripts store it: little-endian values in base64. */
export type Encoded = {
  readonly type: string
  readonly dims: readonly number[]
  readonly data: string
}

/** The content of `test/golden/training/NAME.json`, which `scripts/reference/training.py` writes. */
export async function readGolden<T>(name: string): Promise<T> {
  const bytes = await readBytes(`test/golden/training/${name}.json`)
  return JSON.parse(new TextDecoder().decode(bytes)) as T
}

export function decode({ type, dims, data }: Encoded): Tensor {
  const { array } = elementTypes[type as ElementType]
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0))
  return { type: type as ElementType, dims, data: new array(bytes.buffer) }
}

/** One part of a tensor along its first axis. */
export function slice({ type, dims, data }: Tensor, index: number): Tensor {
  const size = data.length / (dims[0] as number)
  return { type, dims: dims.slice(1), data: data.slice(index * size, (index + 1) * size) }
}

export function decodeAll(values: Readonly<Record<string, Encoded>>): Map<string, Tensor> {
  return new Map(Object.entries(values).map(([name, value]) => [name, decode(value)]))
}

/** The largest difference between two tensors of the same dimensions, over the largest true value where that is above 1. */
export function largestError(actual: Tensor | undefined, expected: Tensor): number {
  if (actual?.dims.join() !== expected.dims.join()) {
    throw new Error(`a tensor of [${actual?.dims}] instead of [${expected.dims}]`)
  }
  let error = 0
  let scale = 1
  for (let i = 0; i < expected.data.length; i++) {
    const difference = Math.abs(Number(actual.data[i]) - Number(expected.data[i]))
    if (Number.isNaN(difference)) return Number.NaN
    error = Math.max(error, difference)
    scale = Math.max(scale, Math.abs(Number(expected.data[i])))
  }
  return error / scale
}
