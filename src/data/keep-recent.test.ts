import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../../testing/test-folder.ts'
import { keepRecent } from './keep-recent.ts'

test.each([
  [12, ['new', 'old', 'older']],
  [9, ['new', 'old']],
  [8, ['new', 'old']],
  [0, ['new']],
])('within %i bytes the newest files stay, and at least one', async (bytes, left) => {
  const folder = await folderOf({ old: 'xxxx', new: 'xxxx', older: 'xxxx' })
  for (const [name, time] of [
    ['older', 1],
    ['old', 2],
    ['new', 3],
  ] as const) {
    await utimes(join(folder, name), time, time)
  }
  await keepRecent(folder, bytes)
  expect((await readdir(folder)).sort()).toEqual(left)
})
