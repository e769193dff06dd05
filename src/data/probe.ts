import { probeFile } from './decode-file.ts'
import type { Size } from './pixels.ts'
import type { Item } from './source.ts'

/**
 * The median height and width of images before resizing, with 1 channel where all that are looked at are stored as grey.
 * Looks at `sample` of them (default 64), spread evenly; null where none of these can be read.
 */
export async function probeImageSize(items: readonly Item[], sample = 64): Promise<Size | null> {
  const step = Math.max(1, items.length / sample)
  const count = Math.min(sample, items.length)
  const chosen = Array.from({ length: count }, (_, i) => items[Math.floor(i * step)])
  const sizes: Size[] = []
  for (const item of chosen) {
    if (item === undefined) continue
    const size = await sizeOfItem(item)
    if (size !== null) sizes.push(size)
  }
  if (sizes.length === 0) return null
  return {
    height: median(sizes.map(({ height }) => height)),
    width: median(sizes.map(({ width }) => width)),
    channels: sizes.every(({ channels }) => channels === 1) ? 1 : 3,
  }
}

/** The size of an image as it is stored; null where it is none. */
export async function sizeOfItem({ origin }: Item): Promise<Size | null> {
  return 'file' in origin ? await probeFile(origin.file) : origin.block
}

/** The upper median: always one of the values, so a whole number of pixels. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
}
