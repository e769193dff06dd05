import { gather, type Images, type Size } from './pixels.ts'

/** Images of one size that need not all be in memory. */
export type ImageStream = Size & {
  readonly count: number
  /** The images at these indices, in their order, as uint8 pixels NHWC. */
  read(indices: ArrayLike<number>): Promise<Uint8Array>
}

/** Images in memory as a stream. */
export function streamOf(images: Images): ImageStream {
  const { height, width, channels, count } = images
  return { height, width, channels, count, read: async (indices) => gather(images, indices) }
}

/** Some images of a stream, in the order of their indices. */
export function subsetOf(stream: ImageStream, indices: readonly number[]): ImageStream {
  return {
    ...stream,
    count: indices.length,
    read: (own) => stream.read(Array.from(own, (index) => indices[index] as number)),
  }
}
