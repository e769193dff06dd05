import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

export const binary = fileURLToPath(new URL('../../bin/graft.js', import.meta.url))

export type Ended = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export type Running = {
  readonly ended: Promise<Ended>
  kill(signal: NodeJS.Signals): void
}

type Environment = Readonly<Record<string, string>>

/** Starts the built command line in a process of its own; `environment` is in addition to that of the tests. */
export function start(
  cwd: string,
  args: readonly string[],
  environment: Environment = {},
): Running {
  const child = spawn(process.execPath, [binary, ...args], {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, ...output }))
  })
  return { ended, kill: (signal) => child.kill(signal) }
}

/** Runs the built command line to its end; it never shows a stack trace. */
export async function graft(cwd: string, ...args: readonly string[]): Promise<Ended> {
  const ended = await start(cwd, args).ended
  expect(ended.stderr).not.toMatch(/^\s+at /m)
  return ended
}

/** Runs a command that has to succeed with one JSON document, and returns that. */
export async function graftJson(cwd: string, ...args: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await graft(cwd, ...args, '--json')
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

/** A folder for the files of some tests, and a function that removes it. */
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'graft-end-to-end-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}
