import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Round, roundsOf } from './side.ts'

/**
 * What `pytorch/serve.py` does, for a side that is a Node process of its own: announces the first losses, then runs one round for each
 * line "run", and sleeps in between.
 *
 * @param repeat does `atOnce` repetitions
 */
export async function serve(
  losses: readonly number[],
  repetitions: number,
  repeat: () => unknown,
  atOnce = 1,
): Promise<void> {
  const round = roundsOf(repetitions, repeat, atOnce)
  say({ losses })
  for await (const _ of createInterface({ input: process.stdin })) {
    say({ ...(await round()), peak: peakMemory() } satisfies Round)
  }
}

/** Tells the parent, instead of the first losses, why there are none. */
export function refuse(reason: string): void {
  say({ reason })
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

/** The most memory that this process has had so far, in MiB, as Linux counts it. */
function peakMemory(): number | null {
  try {
    const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    return kilobytes === undefined ? null : Number(kilobytes) / 1024
  } catch {
    return null
  }
}
