import type { Images, Size } from '../data/pixels.ts'
import type { Tensor } from '../graph/tensor.ts'

/** Values between -1 and 1, [N, C, H, W], as uint8 NHWC. */
export function toPixels({ dims, data }: Tensor): Uint8Array {
  const [count = 0, channels = 0, height = 0, width = 0] = dims
  const plane = height * width
  const pixels = new Uint8ClampedArray(data.length)
  for (let image = 0; image < count; image++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let i = 0; i < plane; i++) {
        const value = Number(data[(image * channels + channel) * plane + i])
        pixels[(image * plane + i) * channels + channel] = 127.5 * (value + 1)
      }
    }
  }
  return new Uint8Array(pixels.buffer)
}

/** Some images without names of their own. */
export function imagesOf(data: Uint8Array, size: Size, count: number): Images {
  return { ...size, count, data, names: Array.from({ length: count }, (_, i) => `${i + 1}`) }
}
