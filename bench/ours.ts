import type { Side } from './side.ts'

/** A side that runs in this process. */
export function createSide(
  losses: readonly number[],
  repetitions: number,
  repeat: () => unknown,
  close: () => Promise<void>,
): Side {
  let rested = process.cpuUsage()
  return {
    name: 'Graft',
    losses,
    async round() {
      const { user, system } = process.cpuUsage(rested)
      const times: number[] = []
      for (let i = 0; i < repetitions; i++) {
        const start = performance.now()
        await repeat()
        times.push(performance.now() - start)
      }
      rested = process.cpuUsage()
      return { times, idle: (user + system) / 1000 }
    },
    close,
  }
}
