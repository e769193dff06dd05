import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../../testing/test-folder.ts'
import { openEasyLabels } from './easy-labels.ts'

test('a rule hears of the path, but not of folders that say the class that is wanted', async () => {
  const folder = await folderOf({ 'path.mjs': 'export default ({ name }) => name\n' })
  const rule = join(folder, 'path.mjs')
  const source = { train: [], test: null, classes: ['cats', 'dogs'] }
  const { labels, digests } = await openEasyLabels({ rule }, source)
  const heard = (name: string) =>
    labels.rule?.({ name, height: 1, width: 1, channels: 1, data: Uint8Array.of(0) })
  expect(heard('cats/garden/1.jpg')).toBe('garden/1.jpg')
  expect(heard('train/dogs/2.jpg')).toBe('train/2.jpg')
  expect(heard('camera 3/dogs')).toBe('camera 3/dogs')
  expect(digests).toEqual({ related: null, rule: expect.stringMatching(/^[0-9a-f]{64}$/) })
})
