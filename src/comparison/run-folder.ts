import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  truncateSync,
} from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { GraftError } from '../errors.ts'
import { writeFileAtomic } from '../files.ts'
import type { Checkpoints } from '../training/task.ts'
import { checkpointsIn } from './checkpoints.ts'
import type { RunRecord } from './record.ts'

/** The files of a run. */
export type RunFolder = {
  readonly path: string
  readonly model: string
  readonly report: string
  readonly checkpoints: Checkpoints
  writeRecord(record: RunRecord): Promise<void>
  writeModel(bytes: Uint8Array): Promise<void>
  /** Adds a line to `events.jsonl`. */
  log(event: object): void
  /** Whether `graft resume` can go on with it: the data could be read, and the work has begun. */
  isResumable(): boolean
  /** Removes a run that came to nothing, so that its place is free again; one with finished work stays. */
  discard(): void
}

const recordFile = 'run.json'
const eventsFile = 'events.jsonl'
const checkpointsFolder = 'checkpoints'
/** What `writeFileAtomic` leaves where it is killed. */
const temporary = /^\..*\.tmp$/

/**
 * Makes the folder of a new run, with its parents.
 *
 * @throws GraftError `bad-usage` where the folder already holds something, `bad-input` where it cannot be made
 */
export async function createRunFolder(path: string): Promise<RunFolder> {
  const entries = await readdir(path).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    const reason = error.code === 'ENOTDIR' ? 'is a file' : `cannot be opened (${error.code})`
    throw new GraftError('bad-usage', `${path}: ${reason}: give a new folder to -o`, {
      cause: error,
    })
  })
  if (entries.includes(recordFile)) {
    throw new GraftError(
      'bad-usage',
      `${path}: holds a run already: go on with it by "graft resume ${path}", or give another folder to -o`,
    )
  }
  // A run that was killed before it began leaves these and nothing else.
  const isLeftover = (entry: string) =>
    entry === eventsFile ||
    temporary.test(entry) ||
    (entry === checkpointsFolder && isEmptyFolder(join(path, entry)))
  if (!entries.every(isLeftover)) {
    throw new GraftError('bad-usage', `${path}: is not empty: give a new folder to -o`)
  }
  rmSync(join(path, eventsFile), { force: true })
  return folderAt(path)
}

/** Opens the folder of a run that was stopped, and clears away what was being written at that moment. */
export async function openRunFolder(path: string): Promise<RunFolder> {
  for (const folder of [path, join(path, checkpointsFolder)]) dropTemporaries(folder)
  dropTornLine(join(path, eventsFile))
  return folderAt(path)
}

async function folderAt(path: string): Promise<RunFolder> {
  const checkpoints = join(path, checkpointsFolder)
  const isOurs = await makeFolder(checkpoints, path)
  const record = join(path, recordFile)
  const events = join(path, eventsFile)
  const { model, report } = runFiles(path)
  return {
    path,
    model,
    report,
    checkpoints: checkpointsIn(checkpoints),
    writeRecord: (value) => writeFileAtomic(record, `${JSON.stringify(value, null, 2)}\n`),
    writeModel: (bytes) => writeFileAtomic(model, bytes),
    log(event) {
      try {
        appendFileSync(events, `${JSON.stringify(event)}\n`)
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException
        throw new GraftError('bad-input', `${events}: cannot be written (${code})`, { cause })
      }
    },
    isResumable: () => existsSync(record),
    discard() {
      // Whoever is interrupted may be writing.
      for (const folder of [path, checkpoints]) dropTemporaries(folder)
      if (!isEmptyFolder(checkpoints) || existsSync(model)) return
      rmdirSync(checkpoints)
      for (const file of [record, events]) rmSync(file, { force: true })
      if (isOurs && isEmptyFolder(path)) rmdirSync(path)
    },
  }
}

/** Where the results of a run are. */
export function runFiles(path: string): { readonly model: string; readonly report: string } {
  return { model: join(path, 'model.onnx'), report: join(path, 'report.html') }
}

/**
 * Reads the record of a run.
 *
 * @throws GraftError `bad-input` where the folder holds no run
 */
export async function readRecord(path: string): Promise<RunRecord> {
  const file = join(path, recordFile)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    const reason = existsSync(path)
      ? `not the folder of a run (it has no ${recordFile})`
      : 'no such folder'
    throw new GraftError('bad-input', `${path}: ${reason}: give what "graft fit" got as -o`, {
      cause,
    })
  }
  const record = parseRecord(text)
  if (record?.format !== 1 || !record.configuration || !record.data) {
    throw new GraftError('bad-input', `${file}: is damaged: run "graft fit" again`)
  }
  return record
}

function parseRecord(text: string): RunRecord | null {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'a part of its path is a file',
  ENOSPC: 'the disk is full',
}

/** Makes a folder inside another, and says whether the outer one was made for it. */
async function makeFolder(inner: string, outer: string): Promise<boolean> {
  try {
    const first = await mkdir(inner, { recursive: true })
    return first !== undefined && resolve(first) !== resolve(inner)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    throw new GraftError(
      'bad-input',
      `${outer}: cannot be made: ${reasons[code] ?? code}: give another folder to -o`,
      { cause },
    )
  }
}

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0
  } catch {
    return false
  }
}

/** Clears away files that were being written. */
function dropTemporaries(folder: string): void {
  if (!existsSync(folder)) return
  for (const entry of readdirSync(folder).filter((name) => temporary.test(name))) {
    rmSync(join(folder, entry), { force: true })
  }
}

/** A line that was cut off when the power went is no JSON. */
function dropTornLine(path: string): void {
  if (!existsSync(path)) return
  const bytes = readFileSync(path)
  const whole = bytes.lastIndexOf('\n') + 1
  if (whole < bytes.length) truncateSync(path, whole)
}
