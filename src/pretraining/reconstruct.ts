import type { Graph } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import { type Corruption, corruptions, maskInput, noiseInput } from './corruption.ts'
import type { Pictures, PretrainingOptions } from './method.ts'
import { pixelFeed } from './networks.ts'
import { imagesOf, toPixels } from './to-pixels.ts'

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
  const results = await session.run(feeds).finally(session.release)
  return {
    caption: 'images, what was made of them, and how the network mends that',
    rows: [
      imagesOf(pixels, size, count),
      imagesOf(toPixels(results[spoiled as string] as Tensor), size, count),
      imagesOf(toPixels(results[mended as string] as Tensor), size, count),
    ],
  }
}
