import { fashionClasses } from '../../src/comparison/bundled-data.ts'
import { comparePaired, holmAdjusted, type PairedComparison } from '../../src/statistics/paired.ts'
import { mean } from '../../src/statistics/summaries.ts'
import type { Cell } from './cells.ts'

export const CONFIDENCE = 0.95

export type Outcome = 'helped' | 'no reliable difference' | 'hurt'

export type JudgedPair = {
  readonly pair: readonly [number, number]
  /** Mean accuracies over the seeds. */
  readonly scratch: number
  readonly grafted: number
  readonly comparison: PairedComparison
  readonly outcome: Outcome
  /** The outcome after Holm's correction for the number of pairs. */
  readonly corrected: Outcome
}

/** Compares grafted with scratch over the first seeds of each pair of one network. */
export function judgePairs(cells: readonly Cell[], seeds: number): JudgedPair[] {
  const comparisons = cells.map((cell) =>
    comparePaired(cell.grafted.slice(0, seeds), cell.scratch.slice(0, seeds), {
      confidence: CONFIDENCE,
    }),
  )
  const adjusted = holmAdjusted(comparisons.map(({ pValue }) => pValue))
  return cells.map(({ pair, scratch, grafted }, i) => {
    const comparison = comparisons[i] as PairedComparison
    const outcomeOf = (reliable: boolean): Outcome =>
      reliable ? (comparison.difference > 0 ? 'helped' : 'hurt') : 'no reliable difference'
    return {
      pair,
      scratch: mean(scratch.slice(0, seeds)),
      grafted: mean(grafted.slice(0, seeds)),
      comparison,
      outcome: outcomeOf(comparison.reliable),
      corrected: outcomeOf((adjusted[i] as number) < 1 - CONFIDENCE),
    }
  })
}

/** The gain on all pairs together: the mean over the pairs, compared over the seeds, which are drawn independently. */
export function overallGain(cells: readonly Cell[], seeds: number): PairedComparison {
  const means = (side: 'grafted' | 'scratch') =>
    Array.from({ length: seeds }, (_, seed) =>
      mean(cells.map((cell) => cell[side][seed] as number)),
    )
  return comparePaired(means('grafted'), means('scratch'), { confidence: CONFIDENCE })
}

export const pairName = ([one, other]: readonly [number, number]): string =>
  `${fashionClasses[one]} - ${fashionClasses[other]}`

export const outcomes: readonly Outcome[] = ['helped', 'no reliable difference', 'hurt']
const points = (share: number) => {
  const text = (100 * share).toFixed(2)
  return Number(text) < 0 ? text : `+${text.replace('-', '')}`
}
const gainText = ({ difference, low, high }: PairedComparison) =>
  `${points(difference)} (${points(low)} to ${points(high)})`

/** "sandal - shirt: 98.51 -> 98.91, +0.40 (+0.04 to +0.76)" */
export function pairLine({ pair, scratch, grafted, comparison }: JudgedPair): string {
  const means = `${(100 * scratch).toFixed(2)} -> ${(100 * grafted).toFixed(2)}`
  return `${pairName(pair)}: ${means}, ${gainText(comparison)}`
}

/** In how many pairs reuse helped or hurt, how many of them chance alone would bring, and the mean gain. */
export function summaryLines(
  title: string,
  judged: readonly JudgedPair[],
  overall: PairedComparison,
): string[] {
  const count = (key: 'outcome' | 'corrected') =>
    outcomes
      .map((outcome) => `${outcome} in ${judged.filter((pair) => pair[key] === outcome).length}`)
      .join(', ')
  const above = judged.filter(({ comparison }) => comparison.difference > 0).length
  const byChance = judged.length * (1 - CONFIDENCE)
  const sorted = judged.toSorted((a, b) => b.comparison.difference - a.comparison.difference)
  return [
    `${title}: ${judged.length} pairs, ${overall.pairs} seeds each, confidence ${CONFIDENCE}`,
    `  each pair by itself: ${count('outcome')}`,
    `  by chance alone: helped in ${(byChance / 2).toFixed(1)}, hurt in ${(byChance / 2).toFixed(1)}`,
    `  after Holm's correction: ${count('corrected')}`,
    `  gain in points: ${gainText(overall)} on average, above zero in ${above}`,
    `  most: ${pairLine(sorted[0] as JudgedPair)}`,
    `  least: ${pairLine(sorted.at(-1) as JudgedPair)}`,
  ]
}
