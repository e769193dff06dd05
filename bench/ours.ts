import type { Side } from './side.ts'

/**
 * A side that runs in this process.
 *
 * @param repeat does `atOnce` repetitions
 */
export function createSide(
  losses: readonly number[],
  repetitions: number,
  repeat: () => unknown,
  close: () => Promise<void>,
  atOnce = 1,
): Side {
  let rested = process.cpuUsage()
  return {
    name: 'Graft',
    losses,
    async round() {
      const { user, system } = process.cpuUsage(rested)
      const times: number[] = []
      for (let i = 0; i < repetitions; i += atOnce) {
        const start = performance.now()
        await repeat()
        times.push((performance.now() - start) / atOnce)
      }
      rested = process.cpuUsage()
      return { times, idle: (user + system) / 1000 }
    },
    close,
  }
}
