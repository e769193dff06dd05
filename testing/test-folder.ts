import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { onTestFinished } from 'vitest'

type Colour = readonly [red: number, green: number, blue: number]

/** A new folder with these files, by relative name; it is removed after the test. */
export async function folderOf(
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'graft-data-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
  return folder
}

/** An image of one colour; with the same arguments the same bytes. */
export function imageOf(
  [r, g, b]: Colour,
  format: 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' = 'png',
  width = 8,
  height = width,
): Promise<Buffer> {
  const background = { r, g, b }
  return sharp({ create: { width, height, channels: 3, background } })
    .toFormat(format)
    .toBuffer()
}

/** An image whose pixels do not compress away, so that cutting the file cuts pixels. */
export function noisyImage(format: 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff'): Promise<Buffer> {
  const data = Uint8Array.from({ length: 48 * 32 * 3 }, (_, i) => (i * 7919 + (i >> 3) * 31) & 255)
  return sharp(data, { raw: { width: 48, height: 32, channels: 3 } })
    .toFormat(format)
    .toBuffer()
}

/** An IDX file of unsigned bytes. */
export function idxOf(dims: readonly number[], data: ArrayLike<number>, type = 8): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length)
  header[2] = type
  header[3] = dims.length
  for (const [i, dim] of dims.entries()) header.writeUInt32BE(dim, 4 + 4 * i)
  return Buffer.concat([header, Uint8Array.from(data)])
}

/** What an asynchronous generator yields and returns. */
export async function drain<Event, Result>(
  generator: AsyncGenerator<Event, Result>,
): Promise<{ events: Event[]; result: Result }> {
  const events: Event[] = []
  for (;;) {
    const { done, value } = await generator.next()
    if (done) return { events, result: value }
    events.push(value)
  }
}
