import { bytesOf, float32, type Tensor } from '../graph/tensor.ts'

/** The float32 state of a training step as JSON can hold it: base64 of little-endian bytes, by name. */
export type EncodedState = Readonly<
  Record<string, { readonly dims: readonly number[]; readonly base64: string }>
>

export function encodeState(state: ReadonlyMap<string, Tensor>): EncodedState {
  return Object.fromEntries(
    [...state].map(([name, tensor]) => [
      name,
      { dims: tensor.dims, base64: Buffer.from(bytesOf(tensor)).toString('base64') },
    ]),
  )
}

export function decodeState(state: EncodedState): Map<string, Tensor> {
  return new Map(
    Object.entries(state).map(([name, { dims, base64 }]) => {
      const bytes = Uint8Array.from(Buffer.from(base64, 'base64'))
      return [name, float32(dims, new Float32Array(bytes.buffer))]
    }),
  )
}
