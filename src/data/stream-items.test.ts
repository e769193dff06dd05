import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { folderOf, imageOf } from '../../testing/test-folder.ts'
import { createRandom } from '../random.ts'
import { scanUnlabelled } from './scan.ts'
import { streamItems } from './stream-items.ts'

const size = { height: 4, width: 4, channels: 3 }

/** Ten images of one colour each, and one file that is none. */
async function folderOfColours() {
  const files: Record<string, Buffer | string> = {}
  for (let i = 0; i < 10; i++) files[`${i}.png`] = await imageOf([20 * i, 10, 5])
  return folderOf({ ...files, '4b.png': 'not an image' })
}

async function streamed(inMemory: number) {
  const path = await folderOfColours()
  const cache = await folderOf({})
  const { unlabelled } = await scanUnlabelled(path)
  const seen: string[] = []
  const { events, result } = await collect(
    streamItems('unlabelled', unlabelled, size, ({ names }) => void seen.push(...names), {
      folder: cache,
      piece: 3,
      inMemory,
    }),
  )
  return { ...result, events, seen, path }
}

/** The red of the first pixel of each image: what tells them apart. */
const reds = (pixels: Uint8Array) =>
  Array.from({ length: pixels.length / 48 }, (_, i) => pixels[48 * i])

test.each([
  ['in memory', 2 ** 20],
  ['from the cache', 0],
])('images of several pieces are read %s in any order', async (_, inMemory) => {
  const { images, labels, events, seen } = await streamed(inMemory)
  expect(images).toMatchObject({ ...size, count: 10 })
  expect(images.names).toEqual(seen)
  expect(images.names).toEqual(Array.from({ length: 10 }, (__, i) => `${i}.png`))
  expect(Array.from(labels)).toEqual(Array(10).fill(-1))
  const order = createRandom(1).shuffle(Array.from({ length: 10 }, (__, i) => i))
  expect(reds(await images.read([...order, 0, 0]))).toEqual([...order.map((i) => 20 * i), 0, 0])
  expect(await images.read([])).toHaveLength(0)
  const skipped = events.filter(({ type }) => type === 'skipped')
  expect(skipped).toMatchObject([{ file: '4b.png' }])
  const done = events.flatMap((event) => (event.type === 'decode' ? [event.done] : []))
  expect(done).toEqual(done.toSorted((a, b) => a - b))
  expect(done.at(-1)).toBe(11)
  await images.close()
})

test('what is read from the cache is not in memory: once closed, it is gone', async () => {
  const { images, path } = await streamed(0)
  await rm(path, { recursive: true })
  expect(reds(await images.read([9]))).toEqual([180])
  await images.close()
  await expect(images.read([9])).rejects.toThrow()
})

test('without a cache all stays in memory', async () => {
  const { unlabelled } = await scanUnlabelled(await folderOfColours())
  const { result } = await collect(
    streamItems('unlabelled', unlabelled, size, undefined, { folder: null, piece: 4, inMemory: 0 }),
  )
  expect(reds(await result.images.read([9, 1]))).toEqual([180, 20])
})

test('no items are an empty stream', async () => {
  const { result } = await collect(streamItems('unlabelled', [], size))
  expect(result.images.count).toBe(0)
})
