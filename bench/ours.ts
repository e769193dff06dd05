import { roundsOf, type Side } from './side.ts'

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
  return { name: 'Graft', losses, round: roundsOf(repetitions, repeat, atOnce), close }
}
