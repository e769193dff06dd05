import { join } from 'node:path'
import { mapEvents } from '../events.ts'
import { cacheFolder } from './cache-folder.ts'
import { type DataEvent, decodeImages, type Part } from './decode-images.ts'
import { concatenated, type ImageStream, streamOf } from './image-stream.ts'
import { cacheKey, openPixels } from './pixel-cache.ts'
import { bytesPerImage, type Images, type Size } from './pixels.ts'
import type { Item } from './source.ts'

/** Images that are decoded, and cached in a file, together. */
const chunkImages = 4096
/** Images that together take no more than this stay in memory. */
const mostInMemory = 2 ** 28

export type StreamedItems = {
  readonly images: ImageStream
  /** The label of every image, -1 where it has none. */
  readonly labels: Int32Array
}

/**
 * Decodes items piece by piece, and gives them as a stream: few enough stay in memory, of more only one piece is in memory at a time, and all
 * others are read from the cache of decoded images. Where there is no cache, as for items that are in memory anyway, all stay there.
 *
 * @param look is shown each piece as it is decoded
 * @param limits for tests
 */
export async function* streamItems(
  part: Part,
  items: readonly Item[],
  size: Size,
  look: (images: Images) => void = () => {},
  { folder = cacheFolder(), piece = chunkImages, inMemory = mostInMemory }: StreamLimits = {},
): AsyncGenerator<DataEvent, StreamedItems> {
  const isLarge = items.length * bytesPerImage(size) > inMemory
  const parts: ImageStream[] = []
  const labels: number[] = []
  for (let start = 0; start < items.length || start === 0; start += piece) {
    const own = items.slice(start, start + piece)
    const decoding = decodeImages(part, own, size, folder)
    const decoded = yield* mapEvents(decoding, (event) =>
      event.type === 'decode' ? { ...event, done: start + event.done, total: items.length } : event,
    )
    const { images } = decoded
    look(images)
    for (const label of decoded.labels) labels.push(label)
    parts.push((isLarge ? await fromCache(own, images, folder) : null) ?? streamOf(images))
  }
  const [first, ...more] = parts
  return {
    images: concatenated([first as ImageStream, ...more]),
    labels: Int32Array.from(labels),
  }
}

export type StreamLimits = {
  readonly folder?: string | null
  readonly piece?: number
  readonly inMemory?: number
}

/** The same images, read from where they were cached; null where they were not. */
async function fromCache(
  items: readonly Item[],
  { names, count, height, width, channels }: Images,
  folder: string | null,
): Promise<ImageStream | null> {
  const size = { height, width, channels }
  const key = cacheKey(items, size)
  const file = key && folder ? await openPixels(join(folder, 'images', `${key}.bin`)) : null
  if (!file) return null
  const row = bytesPerImage(size)
  return {
    ...size,
    count,
    names,
    async read(indices) {
      const pixels = new Uint8Array(indices.length * row)
      const order = Array.from(indices, (index, place) => ({ index, place }))
      // In the order of the file: what lies side by side is read side by side.
      order.sort((a, b) => a.index - b.index)
      for (const { index, place } of order) {
        await file.read(pixels.subarray(place * row, (place + 1) * row), index * row)
      }
      return pixels
    },
    close: () => file.close(),
  }
}
