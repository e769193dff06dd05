import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GraftError } from '../errors.ts'
import { writeFileAtomic } from '../files.ts'
import type { Checkpoints } from '../training/task.ts'
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
  log(event: object): Promise<void>
}

const recordFile = 'run.json'

/**
 * Makes the folder of a new run.
 *
 * @throws GraftError `bad-usage` where the folder already holds something
 */
export async function createRunFolder(path: string): Promise<RunFolder> {
  const entries = await readdir(path).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw new GraftError('bad-usage', `${path}: is not a folder`, { cause: error })
  })
  if (entries.includes(recordFile)) {
    throw new GraftError(
      'bad-usage',
      `${path}: holds a run already: go on with it by "graft resume ${path}", or give another folder to -o`,
    )
  }
  if (entries.length > 0) {
    throw new GraftError('bad-usage', `${path}: is not empty: give a new folder to -o`)
  }
  return openRunFolder(path)
}

/** The folder of a run, made where it is missing. */
export async function openRunFolder(path: string): Promise<RunFolder> {
  const checkpoints = join(path, 'checkpoints')
  try {
    await mkdir(checkpoints, { recursive: true })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new GraftError('bad-input', `${path}: cannot be made (${code})`, { cause })
  }
  const events = join(path, 'events.jsonl')
  const model = join(path, 'model.onnx')
  return {
    path,
    model,
    report: join(path, 'report.html'),
    checkpoints: {
      async load(key) {
        try {
          return JSON.parse(await readFile(join(checkpoints, `${key}.json`), 'utf8'))
        } catch {
          return undefined // Missing, or damaged from outside: the work is done again.
        }
      },
      save: (key, value) =>
        writeFileAtomic(join(checkpoints, `${key}.json`), JSON.stringify(value)),
    },
    writeRecord: (record) =>
      writeFileAtomic(join(path, recordFile), `${JSON.stringify(record, null, 2)}\n`),
    writeModel: (bytes) => writeFileAtomic(model, bytes),
    log: (event) => appendFile(events, `${JSON.stringify(event)}\n`),
  }
}

/**
 * Reads the record of a run.
 *
 * @throws GraftError `bad-input` where the folder holds no run
 */
export async function readRecord(path: string): Promise<RunRecord> {
  let text: string
  try {
    text = await readFile(join(path, recordFile), 'utf8')
  } catch (cause) {
    throw new GraftError('bad-input', `${path}: not a run folder (it has no ${recordFile})`, {
      cause,
    })
  }
  try {
    return JSON.parse(text) as RunRecord
  } catch (cause) {
    throw new GraftError('bad-input', `${join(path, recordFile)}: is damaged: run fit again`, {
      cause,
    })
  }
}
