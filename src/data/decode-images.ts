import { mapEvents } from '../events.ts'
import { decodeItems } from './decode-items.ts'
import { gather, type Images, type Size } from './pixels.ts'
import type { Item, SkippedFile } from './source.ts'

/** Images with one label each: an index into the classes, or -1 for none. */
export type LabelledImages = { readonly images: Images; readonly labels: Int32Array }

export type Part = 'train' | 'unlabelled' | 'test'

export type DataEvent =
  | { readonly type: 'decode'; readonly part: Part; readonly done: number; readonly total: number }
  | ({ readonly type: 'skipped'; readonly part?: Part } & SkippedFile)

/**
 * Decodes the items of one part of a data set, in order, with an event for each file that had to be skipped. `cache` is
 * the folder for decoded images, as in `decodeItems`, which see for errors. No decodable item is no error.
 */
export async function* decodeImages(
  part: Part,
  items: readonly Item[],
  size: Size,
  cache?: string | null,
): AsyncGenerator<DataEvent, LabelledImages & { readonly skipped: readonly SkippedFile[] }> {
  const { kept, failed, data } = yield* mapEvents(
    decodeItems(items, size, cache),
    (step): DataEvent => ({ type: 'decode', part, ...step }),
  )
  const at = (index: number) => items[index] as Item
  const skipped = failed.map(({ index, reason }) => ({ file: at(index).name, reason }))
  for (const skip of skipped) yield { type: 'skipped', part, ...skip }
  const { height, width, channels } = size
  const names = kept.map((i) => at(i).name)
  return {
    images: { count: kept.length, height, width, channels, data, names },
    labels: Int32Array.from(kept, (i) => at(i).label ?? -1),
    skipped,
  }
}

/** Some labelled images, in the order of their indices. */
export function takeLabelled(
  { images, labels }: LabelledImages,
  indices: readonly number[],
): LabelledImages {
  const names = indices.map((index) => images.names[index] as string)
  const count = indices.length
  return {
    images: { ...images, count, names, data: gather(images, indices) },
    labels: Int32Array.from(indices, (index) => labels[index] as number),
  }
}
