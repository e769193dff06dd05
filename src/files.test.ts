import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeFileAtomic } from './files.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-files-'))
})
afterAll(() => rm(folder, { recursive: true }))

it('writes text and bytes, over what was there, and leaves no other file', async () => {
  const path = join(folder, 'a.txt')
  await writeFile(path, 'a much longer old content')
  await writeFileAtomic(path, 'new ü')
  expect(await readFile(path, 'utf8')).toBe('new ü')
  await writeFileAtomic(path, Uint8Array.of(0, 255))
  expect([...(await readFile(path))]).toEqual([0, 255])
  expect(await readdir(folder)).toEqual(['a.txt'])
})

it('a reader among many writers sees one whole content, never a part', async () => {
  const path = join(folder, 'b.txt')
  const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000))
  await writeFileAtomic(path, contents[0] as string)
  const writing = Promise.all(contents.map((content) => writeFileAtomic(path, content)))
  for (let i = 0; i < 20; i++) expect(contents).toContain(await readFile(path, 'utf8'))
  await writing
})

it('says which file cannot be written and why, and leaves nothing behind', async () => {
  const missing = join(folder, 'no', 'such.txt')
  await expect(writeFileAtomic(missing, 'x')).rejects.toThrow(
    `${missing}: cannot be written: its folder does not exist`,
  )
  await expect(writeFileAtomic(folder, 'x')).rejects.toThrow('cannot be written')
  expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
})
