import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Removes files of a cache folder, those with the oldest time of modification first, until what is left takes at most
 * `bytes`; the newest file always stays.
 */
export async function keepRecent(folder: string, bytes: number): Promise<void> {
  const names = await readdir(folder)
  const files = await Promise.all(
    names.map(async (name) => ({ path: join(folder, name), ...(await stat(join(folder, name))) })),
  )
  files.sort((a, b) => b.mtimeMs - a.mtimeMs)
  let total = 0
  for (const [i, { path, size }] of files.entries()) {
    total += size
    if (i > 0 && total > bytes) await rm(path, { force: true })
  }
}
