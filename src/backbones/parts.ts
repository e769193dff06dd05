import { randomUUID } from 'node:crypto'
import { readdir, rename } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** What a file that is being downloaded is called: with the host and the process that write it, so that two never write the same. */
const partOf = (target: string) =>
  join(dirname(target), `.${basename(target)}.${host}.${process.pid}.${randomUUID()}.part`)

const host = hostname().replace(/[^\w-]/g, '-')

/**
 * A name for the part of a file that has arrived. What a process left that is no longer there is taken over under that name.
 */
export async function claimPart(target: string): Promise<string> {
  const part = partOf(target)
  const start = `.${basename(target)}.${host}.`
  const names = await readdir(dirname(target))
  for (const name of names.filter((entry) => entry.startsWith(start) && entry.endsWith('.part'))) {
    if (isRunning(Number(name.slice(start.length).split('.')[0]))) continue
    // Of two that want it one is too late, and looks for another.
    const isOurs = await rename(join(dirname(target), name), part).then(
      () => true,
      () => false,
    )
    if (isOurs) break
  }
  return part
}

function isRunning(process_: number): boolean {
  try {
    process.kill(process_, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
