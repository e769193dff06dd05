import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/** Settings of glibc, as environment variables; an undefined one is not to be set. */
type MemorySettings = Readonly<Record<string, string | undefined>>

/** Those that the command line starts with: they stand in the first line of its file. */
function settingsOfGraft(): MemorySettings {
  const file = readFileSync(new URL('../bin/graft.js', import.meta.url), 'utf8')
  const [first = ''] = file.split('\n')
  return Object.fromEntries(
    [...first.matchAll(/(MALLOC_\w+)=(\d+)/g)].map(([, name, value]) => [name, value]),
  )
}

/** The same as nothing set at all. */
export const asInstalled = (): MemorySettings =>
  Object.fromEntries(Object.keys(settingsOfGraft()).map((name) => [name, undefined]))

/**
 * Runs this program once more under the settings of the command line where it has not got them: they count from the start of a process.
 *
 * @returns whether it did
 */
export async function runAsGraft(): Promise<boolean> {
  const settings = settingsOfGraft()
  const has = Object.keys(settings).every((name) => process.env[name] !== undefined)
  if (process.platform !== 'linux' || has) return false
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: { ...process.env, ...settings },
    stdio: 'inherit',
  })
  // Whoever interrupts means the child, which ends by it and then this process too.
  process.on('SIGINT', () => {})
  const [code] = await once(child, 'close')
  process.exitCode = code ?? 1
  return true
}
