import type { InputDims, Layers } from './architectures.ts'
import { activations, conv, convTranspose, crop, dense, reshape, sequential } from './layers.ts'

/** The fewest filters of a layer that doubles the size of a map. */
const leastFilters = 16

/**
 * Layers from some values back to an image, each doubling of the map with half as many filters: the decoder of a convolutional autoencoder, and
 * the generator of a GAN. The last is linear.
 *
 * @param from the dimensions of the values: a vector, or a map
 * @param map the dimensions of the map to begin with
 */
export function imageDecoder(
  from: readonly number[],
  map: readonly [filters: number, height: number, width: number],
  image: InputDims,
): Layers {
  const { layer: relu, initializer } = activations.relu
  const [channels, height, width] = image
  const layers: Record<string, Layers[string]> = {}
  let [filters, rows, columns] = map
  if (from.length === 1) {
    layers.spread = sequential({
      dense: dense(filters * rows * columns, { initializer }),
      act: relu(),
      map: reshape(map),
    })
  }
  for (let index = 1; rows < height || columns < width; index++) {
    filters = Math.max(Math.floor(filters / 2), leastFilters)
    layers[`up${index}`] = sequential({ conv: convTranspose(filters, 4, 2), act: relu() })
    rows *= 2
    columns *= 2
  }
  const { initializer: linear } = activations.tanh
  layers.image = conv(channels, 3, { initializer: linear })
  if (rows > height || columns > width) layers.cropped = crop(height, width)
  return layers
}
