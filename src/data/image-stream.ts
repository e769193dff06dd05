import { gather, type Images, type Size } from './pixels.ts'

/** Images of one size that need not all be in memory. */
export type ImageStream = Size & {
  readonly count: number
  /** The names of their sources. */
  readonly names: readonly string[]
  /** The images at these indices, in their order, as uint8 pixels NHWC. */
  read(indices: ArrayLike<number>): Promise<Uint8Array>
  /** Closes the files that it reads; afterwards nothing can be read. */
  close(): Promise<void>
}

/** Images in memory as a stream. */
export function streamOf(images: Images): ImageStream {
  const { height, width, channels, count, names } = images
  const read = async (indices: ArrayLike<number>) => gather(images, indices)
  return { height, width, channels, count, names, read, close: async () => {} }
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

/** Several streams of images of one size in a row; there is one at least. */
export function concatenated(parts: readonly [ImageStream, ...ImageStream[]]): ImageStream {
  const [{ height, width, channels }] = parts
  const row = height * width * channels
  const starts: number[] = []
  let count = 0
  for (const part of parts) {
    starts.push(count)
    count += part.count
  }
  return {
    height,
    width,
    channels,
    count,
    names: parts.flatMap(({ names }) => names),
    async read(indices) {
      const pixels = new Uint8Array(indices.length * row)
      const wanted = parts.map((): { readonly own: number; readonly place: number }[] => [])
      for (let place = 0; place < indices.length; place++) {
        const index = indices[place] as number
        const part = starts.findLastIndex((start) => start <= index)
        wanted[part]?.push({ own: index - (starts[part] as number), place })
      }
      await Promise.all(
        parts.map(async (part, i) => {
          const here = wanted[i] ?? []
          if (here.length === 0) return
          const found = await part.read(here.map(({ own }) => own))
          for (const [k, { place }] of here.entries()) {
            pixels.set(found.subarray(k * row, (k + 1) * row), place * row)
          }
        }),
      )
      return pixels
    },
    async close() {
      for (const part of parts) await part.close()
    },
  }
}

/** Closes a stream once what reads it has ended, however that was. */
export async function* closing<E, R>(
  images: ImageStream,
  work: AsyncGenerator<E, R>,
): AsyncGenerator<E, R> {
  try {
    return yield* work
  } finally {
    await images.close()
  }
}
