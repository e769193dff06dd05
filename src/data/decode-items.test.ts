import { readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { drain, folderOf, idxOf, imageOf } from '../../testing/test-folder.ts'
import { decodeItems } from './decode-items.ts'
import { cacheKey, readPixels } from './pixel-cache.ts'
import { scan } from './scan.ts'

const size = { height: 2, width: 2, channels: 3 }

async function sampleItems() {
  const folder = await folderOf({
    'a/1.png': await imageOf([10, 20, 30]),
    'a/2.png': 'not an image',
    'b/1.png': await imageOf([40, 50, 60]),
  })
  return { folder, items: (await scan(folder)).train }
}

describe('decodeItems', () => {
  test('decodes in order, names what fails, and reports progress to the end', async () => {
    const { items } = await sampleItems()
    const { events, result } = await drain(decodeItems(items, size, null))
    expect(result.kept).toEqual([0, 2])
    expect(result.failed).toEqual([{ index: 1, reason: expect.stringContaining('not an image') }])
    const pixel = (value: number[]) => [...value, ...value, ...value, ...value]
    expect([...result.data]).toEqual([...pixel([10, 20, 30]), ...pixel([40, 50, 60])])
    expect(events.at(-1)).toEqual({ done: 3, total: 3 })
  })

  test('resizes IDX images, and takes them as they are where the size is theirs', async () => {
    const folder = await folderOf({ i: idxOf([2, 1, 1], [7, 9]), l: idxOf([2], [0, 1]) })
    const { train } = await scan(`${folder}/i,${folder}/l`)
    const same = await drain(decodeItems(train, { height: 1, width: 1, channels: 1 }, null))
    expect([...same.result.data]).toEqual([7, 9])
    const larger = await drain(decodeItems(train, { height: 1, width: 2, channels: 3 }, null))
    expect([...larger.result.data]).toEqual([7, 7, 7, 7, 7, 7, 9, 9, 9, 9, 9, 9])
    expect(cacheKey(train, size)).toBeNull()
  })

  test('refuses what no buffer can hold', async () => {
    const { items } = await sampleItems()
    const huge = { height: 1e5, width: 1e5, channels: 3 }
    await expect(decodeItems(items, huge, null).next()).rejects.toThrow(/take 90 GB of memory/)
  })
})

describe('the cache', () => {
  async function decodeTwice(change: (file: string, folder: string) => Promise<void>) {
    const { folder, items } = await sampleItems()
    const cache = join(folder, 'cache')
    const first = (await drain(decodeItems(items, size, cache))).result
    const [name = ''] = await readdir(join(cache, 'images'))
    await change(join(cache, 'images', name), folder)
    const second = (await drain(decodeItems(items, size, cache))).result
    expect(second).toEqual(first)
    return { items, file: join(cache, 'images', name), folder, cache }
  }

  test('keeps nothing where the file system refused a file, which it may give the next time', async () => {
    const { folder, items } = await sampleItems()
    const [file, away] = [join(folder, 'a/1.png'), join(folder, 'away.png')]
    const cache = join(folder, 'cache')
    await rename(file, away)
    expect((await drain(decodeItems(items, size, cache))).result.kept).toEqual([2])
    await rename(away, file)
    expect((await drain(decodeItems(items, size, cache))).result.kept).toEqual([0, 2])
  })

  test('gives the same result without the files', async () => {
    await decodeTwice((_, folder) => writeFile(join(folder, 'a/1.png'), 'gone'))
  })

  test.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ['too long', (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0)])],
    ['with a changed pixel', (bytes: Buffer) => bytes.fill(99, bytes.length - 1)],
    ['with a damaged header', (bytes: Buffer) => bytes.fill(99, 14, 18)],
    ['with an absurd header length', (bytes: Buffer) => bytes.fill(255, 8, 12)],
    ['of another kind', () => Buffer.from('something else')],
    ['that is empty', () => Buffer.alloc(0)],
  ])('is made anew from a file %s', async (_, damage) => {
    const { file, items } = await decodeTwice(async (path) => {
      await writeFile(path, damage(await readFile(path)))
      expect(await readPixels(path, 3, size)).toBeNull()
    })
    expect(await readPixels(file, items.length, size)).not.toBeNull()
  })

  test('does not answer for another time or size of a file, or another target size', async () => {
    const { items, folder } = await sampleItems()
    const key = cacheKey(items, size)
    expect(cacheKey(items, { ...size, height: 3 })).not.toBe(key)
    expect(cacheKey(items, { ...size, channels: 1 })).not.toBe(key)
    expect(cacheKey((await scan(folder)).train, size)).toBe(key)
    await utimes(join(folder, 'a/1.png'), 1, 1)
    expect(cacheKey((await scan(folder)).train, size)).not.toBe(key)
  })

  test('that cannot be written does no harm, and leaves nothing half-written', async () => {
    const { folder, items } = await sampleItems()
    await writeFile(join(folder, 'file'), '')
    const { result } = await drain(decodeItems(items, size, join(folder, 'file')))
    expect(result.kept).toEqual([0, 2])
    const { cache } = await decodeTwice(async () => {})
    expect((await readdir(join(cache, 'images'))).filter((name) => !name.endsWith('.bin'))).toEqual(
      [],
    )
  })
})
