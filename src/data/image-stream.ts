import { gather, type Images, type Size } from './pixels.ts'

/** Images of one size that need not all be in memory. */
export type ImageStream = Size & {
  readonly count: number
  /** The names of their sources. */
  readonly names: readonly string[]
  /** The images at these indices, in their order, as uint8 pixels NHWC. */
  read(indices: ArrayLike<number>): Promise<Uint8Array>
}

/** Images in memory as a stream. */
export function streamOf(images: Images): ImageStream {
  const { height, width, channels, count, names } = images
  const read = async (indices: ArrayLike<number>) => gather(images, indices)
  return { height, width, channels, count, names, read }
}

/** Some images of a stream, in the order of their indices. */
export function subsetOf(stream: ImageStream, indices: readonly number[]): ImageStream {
  return {
    ...stream,
    count: indices.length,
    names: indices.map((index) => stream.names[index] as string),
    read: (own) => stream.read(Array.from(own, (index) => indices[index] as number)),
  }
}
