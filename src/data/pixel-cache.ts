import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm, utimes } from 'node:fs/promises'
import { dirname } from 'node:path'
import sharp from 'sharp'
import { GraftError } from '../errors.ts'
import { keepRecent } from './keep-recent.ts'
import { bytesPerImage, type Size } from './pixels.ts'
import type { Item } from './source.ts'

/** What decoding a list of items gave: the pixels of those at the indices `kept`, and why the others have none. */
export type DecodedItems = {
  readonly kept: readonly number[]
  readonly failed: readonly { readonly index: number; readonly reason: string }[]
  readonly data: Uint8Array
}

/** Raised whenever the same file would decode to other pixels than before. */
const decoderVersion = 1
const magic = 'GRAFTPIX'
const chunkBytes = 64 << 20
const cacheBytes = 8 * 1024 ** 3

/**
 * The name under which decoded items are cached: a hash over relative names, sizes and times of the files, the target
 * size and the decoder; null where items do not come from files, and need no cache.
 */
export function cacheKey(items: readonly Item[], { height, width, channels }: Size): string | null {
  const hash = createHash('sha256')
  hash.update(JSON.stringify([decoderVersion, sharp.versions.vips, height, width, channels]))
  for (const { name, origin } of items) {
    if (!('file' in origin)) return null
    hash.update(`\n${JSON.stringify([name, origin.bytes, origin.modified])}`)
  }
  return hash.digest('hex')
}

/**
 * Reads what `writePixels` wrote. Null for a file that is missing, cut short, damaged, or of another count or size of
 * images: whoever asks then decodes again.
 */
export async function readPixels(
  path: string,
  count: number,
  size: Size,
): Promise<DecodedItems | null> {
  const handle = await open(path, 'r').catch(() => null)
  try {
    const items = handle === null ? null : await readFrom(handle, count, size)
    if (items !== null) await utimes(path, new Date(), new Date()).catch(() => {})
    return items
  } catch {
    return null
  } finally {
    await handle?.close()
  }
}

/**
 * Opens what `writePixels` wrote to read some images at a time; null where there is no such file. It is not held against its digest: whoever asks has just
 * written or read it.
 */
export async function openPixels(path: string): Promise<PixelFile | null> {
  const handle = await open(path, 'r').catch(() => null)
  if (handle === null) return null
  const prefix = new Uint8Array(magic.length + 4)
  if (!(await readFully(handle, prefix, 0))) {
    await handle.close()
    return null
  }
  const start = prefix.length + new DataView(prefix.buffer).getUint32(magic.length, true)
  return {
    async read(target, from) {
      if (!(await readFully(handle, target, start + from))) {
        throw new GraftError('bad-input', `${path}: the cache was cut short: run it again`)
      }
    },
    close: () => handle.close(),
  }
}

export type PixelFile = {
  /** Fills `target` with the bytes from there on. */
  read(target: Uint8Array, from: number): Promise<void>
  close(): Promise<void>
}

async function readFrom(
  handle: FileHandle,
  count: number,
  size: Size,
): Promise<DecodedItems | null> {
  const prefix = new Uint8Array(magic.length + 4)
  if (!(await readFully(handle, prefix, 0))) return null
  if (Buffer.from(prefix).toString('latin1', 0, magic.length) !== magic) return null
  const headerBytes = new DataView(prefix.buffer).getUint32(magic.length, true)
  const start = prefix.length + headerBytes
  const { size: fileBytes } = await handle.stat()
  if (fileBytes < start) return null
  const header = new Uint8Array(headerBytes)
  if (!(await readFully(handle, header, prefix.length))) return null
  const { kept, failed, digest } = JSON.parse(Buffer.from(header).toString())
  if (kept.length + failed.length !== count) return null
  if (fileBytes - start !== kept.length * bytesPerImage(size)) return null
  const data = new Uint8Array(fileBytes - start)
  if (!(await readFully(handle, data, start)) || digestOf(data) !== digest) return null
  return { kept, failed, data }
}

/**
 * Writes decoded items, through a temporary file, and removes the least recently used files of the folder beyond 8 GiB.
 * A cache that cannot be written is no error: the result is false then.
 */
export async function writePixels(path: string, items: DecodedItems): Promise<boolean> {
  const { kept, failed, data } = items
  const header = Buffer.from(JSON.stringify({ kept, failed, digest: digestOf(data) }))
  const prefix = Buffer.alloc(magic.length + 4)
  prefix.write(magic, 'latin1')
  prefix.writeUInt32LE(header.length, magic.length)
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true })
    const handle = await open(temporary, 'w')
    try {
      for (const part of [prefix, header, ...chunksOf(data)]) await handle.writeFile(part)
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
    await keepRecent(dirname(path), cacheBytes)
    return true
  } catch {
    await rm(temporary, { force: true }).catch(() => {})
    return false
  }
}

/** The file system and the hash take at most 2 GiB at a time. */
function chunksOf(data: Uint8Array): Uint8Array[] {
  const count = Math.ceil(data.length / chunkBytes)
  return Array.from({ length: count }, (_, i) =>
    data.subarray(i * chunkBytes, (i + 1) * chunkBytes),
  )
}

async function readFully(handle: FileHandle, target: Uint8Array, from: number): Promise<boolean> {
  let done = 0
  while (done < target.length) {
    const length = Math.min(chunkBytes, target.length - done)
    const { bytesRead } = await handle.read(target, done, length, from + done)
    if (bytesRead === 0) return false
    done += bytesRead
  }
  return true
}

function digestOf(data: Uint8Array): string {
  const hash = createHash('sha256')
  for (const chunk of chunksOf(data)) hash.update(chunk)
  return hash.digest('hex')
}
