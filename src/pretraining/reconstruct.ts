import type { Images, Size } from '../data/pixels.ts'
import type { Graph } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import { type Corruption, corruptions, maskInput, noiseInput } from './corruption.ts'
import type { Pictures, PretrainingOptions } from './method.ts'
import { pixelFeed } from './networks.ts'

const shown = 8

/** The first images of a stream as they are, spoiled, and mended. */
export async function reconstruct(
  graph: Graph,
  corruption: Corruption,
  { images, architecture, random, runtime }: PretrainingOptions,
): Promise<Pictures> {
  const { size } = architecture
  const count = Math.min(shown, images.count)
  const pixels = await images.read(Array.from({ length: count }, (_, index) => index))
  const { noise, mask } = corruptions(
    size,
    corruption,
    random.fork('shown'),
  )(count, random.fork('masks'))
  const [, spoiled, mended] = graph.outputs.map(({ name }) => name)
  const session = await runtime.createSession({ ...graph, outputs: graph.outputs.slice(1) })
  const feeds = { ...pixelFeed(pixels, count, size), [noiseInput]: noise, [maskInput]: mask }
  const results = await session.run(feeds)
  await session.release()
  return {
    caption: 'images, what was made of them, and how the network mends that',
    rows: [
      imagesOf(pixels, size, count),
      imagesOf(toPixels(results[spoiled as string] as Tensor), size, count),
      imagesOf(toPixels(results[mended as string] as Tensor), size, count),
    ],
  }
}

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

export function imagesOf(data: Uint8Array, size: Size, count: number): Images {
  return { ...size, count, data, names: Array.from({ length: count }, (_, i) => `${i + 1}`) }
}
