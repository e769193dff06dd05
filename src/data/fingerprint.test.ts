import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf, idxOf } from '../../testing/test-folder.ts'
import { fingerprint } from './fingerprint.ts'
import { scan } from './scan.ts'

const files = { 'train/a/1.png': 'xx', 'train/b/1.png': 'x', 'test/a/2.png': 'x' }
const of = async (content: Record<string, string>) =>
  fingerprint(await scan(await folderOf(content)))

test('the fingerprint does not depend on where the data lie', async () => {
  expect(await of(files)).toBe(await of(files))
  expect(await of(files)).toMatch(/^[0-9a-f]{64}$/)
})

test('the fingerprint changes with a name, a size, a class and a part', async () => {
  const { 'train/a/1.png': first, ...others } = files
  const changed = [
    files,
    { ...others, 'train/a/2.png': first },
    { ...others, 'train/a/1.png': 'xxx' },
    { ...others, 'train/c/1.png': first, 'test/a/2.png': 'x', 'train/a/3.png': 'x' },
    { ...files, 'unlabelled/2.png': 'x' },
    { 'train/a/1.png': 'xx', 'train/b/1.png': 'x' },
  ]
  expect(new Set(await Promise.all(changed.map(of))).size).toBe(changed.length)
})

test('the fingerprint of IDX data changes with their pixels', async () => {
  const fingerprints = [1, 2].map(async (pixel) => {
    const folder = await folderOf({ i: idxOf([2, 1, 1], [0, pixel]), l: idxOf([2], [0, 1]) })
    return fingerprint(await scan(`${join(folder, 'i')},${join(folder, 'l')}`))
  })
  const [one, two] = await Promise.all(fingerprints)
  expect(one).not.toBe(two)
})
