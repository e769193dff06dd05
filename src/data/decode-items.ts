import { constants } from 'node:buffer'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { GraftError } from '../errors.ts'
import { cacheFolder } from './cache-folder.ts'
import { type Decoded, decodeFile, resizePixels } from './decode-file.ts'
import { cacheKey, type DecodedItems, readPixels, writePixels } from './pixel-cache.ts'
import { bytesPerImage, type Size } from './pixels.ts'
import type { Item } from './source.ts'

/** How far decoding is: `done` of `total` images. */
export type DecodeProgress = { readonly done: number; readonly total: number }

/**
 * Decodes items to one block of NHWC pixels, several at a time, and yields about a hundred progress events. What was
 * decoded before comes from `folder` (default: `cacheFolder()`; null for no cache) and is written there, unless the file system refused a file. Throws
 * `bad-input` where the block is larger than one buffer may be.
 */
export async function* decodeItems(
  items: readonly Item[],
  size: Size,
  folder: string | null = cacheFolder(),
): AsyncGenerator<DecodeProgress, DecodedItems> {
  const total = items.length
  const key = cacheKey(items, size)
  const path = key === null || folder === null ? null : join(folder, 'images', `${key}.bin`)
  const cached = path === null ? null : await readPixels(path, total, size)
  if (cached !== null) {
    yield { done: total, total }
    return cached
  }
  const { mayPass, ...decoded } = yield* decodeAll(items, size)
  if (path !== null && total > 0 && !mayPass) await writePixels(path, decoded)
  return decoded
}

async function* decodeAll(
  items: readonly Item[],
  size: Size,
): AsyncGenerator<DecodeProgress, DecodedItems & { readonly mayPass: boolean }> {
  const total = items.length
  const row = bytesPerImage(size)
  if (total * row > constants.MAX_LENGTH) {
    const gigabytes = Math.ceil((total * row) / 1e9)
    throw new GraftError(
      'bad-input',
      `${total} images of ${size.height}x${size.width} take ${gigabytes} GB of memory; use fewer or smaller images`,
    )
  }
  const data = new Uint8Array(total * row)
  const kept: number[] = []
  const failed: { index: number; reason: string }[] = []
  let mayPass = false
  const ahead = Math.max(4, 2 * availableParallelism())
  const running: Promise<Decoded>[] = []
  for (let i = 0; i < total; i++) {
    for (let next = i + running.length; next < Math.min(total, i + ahead); next++) {
      running.push(decodeItem(items[next] as Item, size))
    }
    const decoded = await (running.shift() as Promise<Decoded>)
    if (decoded.ok) {
      data.set(decoded.pixels, kept.length * row)
      kept.push(i)
    } else {
      failed.push({ index: i, reason: decoded.reason })
      mayPass ||= decoded.mayPass ?? false
    }
    const done = i + 1
    if (done === total || Math.floor((100 * done) / total) > Math.floor((100 * i) / total)) {
      yield { done, total }
    }
  }
  return { kept, failed, data: data.subarray(0, kept.length * row), mayPass }
}

async function decodeItem({ origin }: Item, size: Size): Promise<Decoded> {
  if ('file' in origin) return decodeFile(origin.file, size)
  const { block, index } = origin
  const row = bytesPerImage(block)
  const data = block.data.subarray(index * row, (index + 1) * row)
  return { ok: true, pixels: await resizePixels({ ...block, data }, size) }
}
