import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../files.ts'
import { fromJson, toJson } from '../json-numbers.ts'
import type { Checkpoints } from '../training/task.ts'

/** Checkpoints as JSON files of a folder that exists, each written whole or not at all. */
export function checkpointsIn(folder: string): Checkpoints {
  const fileOf = (key: string) => join(folder, `${key}.json`)
  return {
    async load(key) {
      try {
        return fromJson(await readFile(fileOf(key), 'utf8'))
      } catch {
        return undefined // Missing, or damaged from outside: the work is done again.
      }
    },
    save: (key, value) => writeFileAtomic(fileOf(key), toJson(value)),
  }
}
