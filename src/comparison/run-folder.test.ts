import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { RunRecord } from './record.ts'
import { createRunFolder, openRunFolder, readRecord } from './run-folder.ts'

async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'graft-run-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

const record = { format: 1, configuration: {}, data: {} } as unknown as RunRecord

test('a new run makes its folder with the parents, and reads back what it wrote', async () => {
  const path = join(await temporaryFolder(), 'a', 'b')
  const run = await createRunFolder(path)
  expect(run.isResumable()).toBe(false)
  await run.writeRecord(record)
  await run.checkpoints.save('fold-0', { accuracy: 0.5 })
  run.log({ type: 'epoch' })
  run.log({ type: 'verdict' })
  expect(run.isResumable()).toBe(true)

  const again = await openRunFolder(path)
  expect(await readRecord(path)).toEqual(record)
  expect(await again.checkpoints.load('fold-0')).toEqual({ accuracy: 0.5 })
  expect(await again.checkpoints.load('fold-1')).toBeUndefined()
  expect(await readFile(join(path, 'events.jsonl'), 'utf8')).toBe(
    '{"type":"epoch"}\n{"type":"verdict"}\n',
  )
})

test('a damaged checkpoint counts as none', async () => {
  const path = await temporaryFolder()
  const run = await createRunFolder(path)
  await writeFile(join(path, 'checkpoints', 'fold-0.json'), '{"accuracy":')
  expect(await run.checkpoints.load('fold-0')).toBeUndefined()
})

test('a folder is refused where it holds a run, or anything else', async () => {
  const path = await temporaryFolder()
  await (await createRunFolder(path)).writeRecord(record)
  await expect(createRunFolder(path)).rejects.toThrow(/holds a run already.*graft resume/)

  const other = await temporaryFolder()
  await writeFile(join(other, 'notes.txt'), '')
  await expect(createRunFolder(other)).rejects.toThrow(/is not empty: give a new folder/)
  await expect(createRunFolder(join(other, 'notes.txt'))).rejects.toThrow(/is a file/)
  await expect(createRunFolder(join(other, 'notes.txt', 'run'))).rejects.toThrow(/is a file/)
})

test('somebody else’s folder named checkpoints is not taken for a leftover', async () => {
  const path = await temporaryFolder()
  await mkdir(join(path, 'checkpoints'))
  await writeFile(join(path, 'checkpoints', 'mine.bin'), '')
  await expect(createRunFolder(path)).rejects.toThrow(/is not empty/)
})

test('what a run leaves that was killed before it began is taken over', async () => {
  const path = await temporaryFolder()
  await mkdir(join(path, 'checkpoints'))
  await writeFile(join(path, 'events.jsonl'), 'old\n')
  await writeFile(join(path, '.run.json.123.tmp'), '')
  await createRunFolder(path)
  expect((await readdir(path)).filter((name) => !name.startsWith('.'))).toEqual(['checkpoints'])
})

test('a run that came to nothing is removed, but not a folder that was there before', async () => {
  const parent = await temporaryFolder()
  const begin = async (path: string) => {
    const run = await createRunFolder(path)
    await run.writeRecord(record)
    run.log({ type: 'decode' })
    return run
  }
  const made = await begin(join(parent, 'made'))
  // As an interrupted write leaves it.
  await writeFile(join(made.path, '.run.json.1.tmp'), '{')
  made.discard()
  await mkdir(join(parent, 'given'))
  ;(await begin(join(parent, 'given'))).discard()
  expect(await readdir(parent)).toEqual(['given'])
  expect(await readdir(join(parent, 'given'))).toEqual([])
})

test('a run with finished work is never removed', async () => {
  const parent = await temporaryFolder()
  const folds = await createRunFolder(join(parent, 'folds'))
  await folds.checkpoints.save('fold-0', {})
  folds.discard()
  const model = await createRunFolder(join(parent, 'model'))
  await model.writeModel(Uint8Array.of(1))
  model.discard()
  expect(await readdir(join(parent, 'folds'))).toEqual(['checkpoints'])
  expect((await readdir(join(parent, 'model'))).sort()).toEqual(['checkpoints', 'model.onnx'])
})

test('reopening drops half a line and files that were being written', async () => {
  const path = await temporaryFolder()
  await createRunFolder(path)
  await writeFile(join(path, 'events.jsonl'), '{"a":1}\n{"b"')
  await writeFile(join(path, '.model.onnx.1.tmp'), '')
  await writeFile(join(path, 'checkpoints', '.fold-0.json.1.tmp'), '')
  const run = await openRunFolder(path)
  run.log({ c: 2 })
  expect(await readFile(join(path, 'events.jsonl'), 'utf8')).toBe('{"a":1}\n{"c":2}\n')
  expect(await readdir(path)).toEqual(['checkpoints', 'events.jsonl'])
  expect(await readdir(join(path, 'checkpoints'))).toEqual([])
})

test.each([
  ['half a record', '{"format":1,"conf'],
  ['another format', '{"format":2,"configuration":{},"data":{}}'],
  ['no record at all', '{}'],
  ['null', 'null'],
])('%s is a damaged run', async (_, content) => {
  const path = await temporaryFolder()
  await writeFile(join(path, 'run.json'), content)
  await expect(readRecord(path)).rejects.toThrow(/run.json: is damaged: run "graft fit" again/)
})

test('a folder without a record is no run', async () => {
  const path = await temporaryFolder()
  await expect(readRecord(path)).rejects.toThrow(/not the folder of a run \(it has no run.json\)/)
  await expect(readRecord(join(path, 'x'))).rejects.toThrow(/x: no such folder/)
})
