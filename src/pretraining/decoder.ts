import type { Tensor } from '../graph/tensor.ts'
import type { Layers } from '../nn/architectures.ts'
import { imageDecoder } from '../nn/decoders.ts'
import {
  activations,
  dense,
  type Layer,
  reshape,
  sequential,
  tiedDense,
  type Value,
} from '../nn/layers.ts'

/**
 * Back from a code to what it was made of: through maps where there are some, or through the same weights transposed.
 *
 * @param layers the names of the layers that made the code, in order
 * @param dims the dimensions that each of them gives
 * @param weights the parameters of these layers
 */
export function decoderFor(
  code: Value,
  wanted: Value,
  layers: readonly string[],
  dims: ReadonlyMap<string, readonly number[]>,
  weights: readonly (readonly [string, Tensor])[],
): Layer {
  const maps = layers.map((name) => dims.get(name)).filter((own) => own?.length === 3)
  const map = maps.at(-1) as [number, number, number] | undefined
  if (map && wanted.dims.length === 3) {
    // Only the encoder is kept: a light decoder leaves the time to it (He et al., 2022).
    const [filters, ...area] = map
    const light = [Math.ceil(filters / 2), ...area] as const
    return sequential(imageDecoder(code.dims, light, wanted.dims as [number, number, number]))
  }
  const { layer: relu } = activations.relu
  const matrices = weights.filter(([, { dims: own }]) => own.length === 2).reverse()
  const mirrored: [string, Layer][] = matrices.map(([name], index) => {
    const tied = tiedDense(name)
    const isLast = index === matrices.length - 1
    return [`mirror${index + 1}`, isLast ? tied : sequential({ dense: tied, act: relu() })]
  })
  const size = wanted.dims.reduce((a, b) => a * b, 1)
  const back: Layers = mirrored.length > 0 ? Object.fromEntries(mirrored) : { dense: dense(size) }
  return sequential(wanted.dims.length === 3 ? { ...back, image: reshape(wanted.dims) } : back)
}
