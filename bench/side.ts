/** One round of a side: what was measured of each repetition, and the CPU milliseconds that it used since its last round. */
export type Round = {
  /** Milliseconds, or MiB in a row of memory. */
  readonly values: readonly number[]
  readonly idle: number
  /** The most memory, in MiB, that the process of this side has had so far; null where the system does not tell. */
  readonly peak?: number | null
}

/** One of the programs that a row compares. It must not use the CPU between its rounds. */
export type Side = {
  readonly name: string
  /** Losses of the same first steps on every side: they show that all do the same work. */
  readonly losses: readonly number[]
  round(): Promise<Round>
  close(): Promise<void>
}

/**
 * Rounds of a side that runs in this process.
 *
 * @param repeat does `atOnce` repetitions
 */
export function roundsOf(
  repetitions: number,
  repeat: () => unknown,
  atOnce = 1,
): () => Promise<Round> {
  let rested = process.cpuUsage()
  return async () => {
    const { user, system } = process.cpuUsage(rested)
    const values: number[] = []
    for (let i = 0; i < repetitions; i += atOnce) {
      const start = performance.now()
      await repeat()
      values.push((performance.now() - start) / atOnce)
    }
    rested = process.cpuUsage()
    return { values, idle: (user + system) / 1000 }
  }
}
