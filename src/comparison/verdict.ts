import { comparePaired } from '../statistics/paired.ts'
import type { StrategyRecord, Verdict } from './record.ts'

export type Judgement = {
  readonly chosen: StrategyRecord
  readonly verdict: Verdict
  readonly sentence: string
}

const points = (difference: number) => `${(100 * difference).toFixed(1)}`

/**
 * Chooses the strategy with the best mean accuracy over the folds, and says whether it is reliably better than the next best: a paired t
 * test over the shared folds with the correction of Nadeau and Bengio (2003), at 95 %.
 *
 * @param testToTrain held-out images over training images in each fold
 * @returns null where no strategy was done
 */
export function judge(
  strategies: readonly StrategyRecord[],
  testToTrain: number,
): Judgement | null {
  const done = strategies
    .filter(({ status, accuracy }) => status === 'done' && accuracy !== null)
    .toSorted((a, b) => meanOf(b) - meanOf(a))
  const [chosen, next] = done
  if (!chosen) return null
  if (!next) {
    return {
      chosen,
      verdict: 'no reliable difference',
      sentence: `Only ${chosen.name} could be tried, so there is nothing to compare it with.`,
    }
  }
  // One of them may have been measured on fewer repeats of the folds than the other.
  const count = Math.min(chosen.folds.length, next.folds.length)
  const scores = ({ folds }: StrategyRecord) => folds.slice(0, count).map((fold) => fold.accuracy)
  const { difference, low, high, reliable } = comparePaired(scores(chosen), scores(next), {
    testToTrain,
  })
  const interval = `(95 % interval ${points(low)} to ${points(high)}, ${count} folds)`
  const lead = `by ${points(difference)} points ${interval}`
  return {
    chosen,
    verdict: reliable ? 'better' : 'no reliable difference',
    sentence: reliable
      ? `${chosen.name} is better than ${next.name} ${lead}.`
      : Math.abs(difference) < 1e-9
        ? `${chosen.name} and ${next.name} came out equal ${interval}.`
        : `${chosen.name} came out ahead of ${next.name} ${lead}, which may be chance.`,
  }
}

function meanOf({ accuracy }: StrategyRecord): number {
  return accuracy?.mean ?? 0
}
