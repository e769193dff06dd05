import { comparePaired } from '../statistics/paired.ts'
import { mean } from '../statistics/summaries.ts'
import type { StrategyRecord, Verdict } from './record.ts'

export type Judgement = {
  readonly chosen: StrategyRecord
  readonly verdict: Verdict
  readonly sentence: string
}

const points = (difference: number) => `${(100 * difference).toFixed(1)}`

/**
 * Chooses the strategy with the best mean accuracy over the folds that all were measured on, or of the best two the one that is ahead on all that these share,
 * and says whether it is reliably better than the other: a paired t test with the correction of Nadeau and Bengio (2003), at 95 %. Others that are reliably worse than the first of the
 * list, which is what all have to beat, are named.
 *
 * @param testToTrain held-out images over training images in each fold
 * @returns null where no strategy was done
 */
export function judge(
  strategies: readonly StrategyRecord[],
  testToTrain: number,
): Judgement | null {
  const done = strategies.filter(({ status, accuracy }) => status === 'done' && accuracy !== null)
  const shared = Math.min(...done.map(({ folds }) => folds.length))
  const meanOf = ({ folds }: StrategyRecord) =>
    mean(folds.slice(0, shared).map((fold) => fold.accuracy))
  const [first, second] = done.toSorted((a, b) => meanOf(b) - meanOf(a))
  if (!first) return null
  if (!second) {
    return {
      chosen: first,
      verdict: 'no reliable difference',
      sentence: `Only ${first.name} could be tried, so there is nothing to compare it with.`,
    }
  }
  const isBehind = compare(first, second, testToTrain).difference < 0
  const [chosen, next] = isBehind ? [second, first] : [first, second]
  const { difference, interval, lead, reliable } = compare(chosen, next, testToTrain)
  const sentence = reliable
    ? `${chosen.name} is better than ${next.name} ${lead}.`
    : Math.abs(difference) < 1e-9
      ? `${chosen.name} and ${next.name} came out equal ${interval}.`
      : `${chosen.name} came out ahead of ${next.name} ${lead}, which may be chance.`
  const baseline = strategies.find((strategy) => done.includes(strategy)) as StrategyRecord
  const worse = strategies.flatMap((other) => {
    const isSaid = other === chosen || (other === next && baseline === chosen)
    if (other === baseline || isSaid || !done.includes(other)) return []
    const behind = compare(baseline, other, testToTrain)
    return behind.reliable && behind.difference > 0
      ? [`${other.name} is worse than ${baseline.name} ${behind.lead}.`]
      : []
  })
  return {
    chosen,
    verdict: reliable ? 'better' : 'no reliable difference',
    sentence: [sentence, ...worse].join(' '),
  }
}

/** By how much a strategy is ahead of another, on the folds that both were measured on: one may have been tried on fewer repeats. */
function compare(a: StrategyRecord, b: StrategyRecord, testToTrain: number) {
  const count = Math.min(a.folds.length, b.folds.length)
  const scores = ({ folds }: StrategyRecord) => folds.slice(0, count).map((fold) => fold.accuracy)
  const { difference, low, high, reliable } = comparePaired(scores(a), scores(b), { testToTrain })
  const interval = `(95 % interval ${points(low)} to ${points(high)}, ${count} folds)`
  return { difference, reliable, interval, lead: `by ${points(difference)} points ${interval}` }
}
