import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

/** Goes to the folder that the run was started in, which its paths are relative to, and returns the run's path from there. */
export function enterFolder(startedIn: string, run: string): string {
  if (startedIn === process.cwd() || !existsSync(startedIn)) return run
  const path = resolve(run)
  process.chdir(startedIn)
  return path
}
