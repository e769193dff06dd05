import type { Images, Size } from '../src/data/pixels.ts'
import { createRandom } from '../src/random.ts'

/** Images of one bright rectangle each on a dark ground: something that a network can learn to restore. */
export function drawnImages({
  count,
  height,
  width,
  channels,
}: Size & { readonly count: number }): Images {
  const random = createRandom('rectangles')
  const data = new Uint8Array(count * height * width * channels)
  for (let image = 0; image < count; image++) {
    const [top, left] = [random.integer(height - 3), random.integer(width - 3)]
    const [bottom, right] = [top + 3 + random.integer(5), left + 3 + random.integer(5)]
    const colour = Array.from({ length: channels }, () => 120 + random.integer(130))
    for (let y = top; y < Math.min(bottom, height); y++) {
      for (let x = left; x < Math.min(right, width); x++) {
        data.set(colour, ((image * height + y) * width + x) * channels)
      }
    }
  }
  const names = Array.from({ length: count }, (_, index) => `rectangle ${index}`)
  return { count, height, width, channels, data, names }
}
