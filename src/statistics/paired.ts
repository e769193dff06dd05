import { GraftError } from '../errors.ts'
import { regularizedBeta } from './beta.ts'
import { studentCdf, studentQuantile } from './distributions.ts'
import { clamp, outside } from './interval.ts'
import { mean, variance } from './summaries.ts'

/** How much better `a` scored than `b` on the same folds or seeds, and how sure that is. */
export type PairedComparison = {
  /** Mean of a - b. */
  readonly difference: number
  readonly low: number
  readonly high: number
  /** Half the width of the interval before its bounds are cut: Infinity where equal differences are too few to tell. */
  readonly half: number
  readonly confidence: number
  /** Two-sided: how often chance alone would differ this much if a and b were equally good. */
  readonly pValue: number
  readonly pairs: number
  /** Whether `pValue` is below 1 - confidence. */
  readonly reliable: boolean
}

export type PairedOptions = {
  /** Test examples over training examples of a fold (1 / (k - 1) in k-fold); leave out when pairs are independent. */
  readonly testToTrain?: number
  /** Default 0.95. */
  readonly confidence?: number
  /** The largest difference there can be: 1 (the default) for accuracies, Infinity for losses. Bounds are cut to it. */
  readonly largest?: number
}

/**
 * Paired t test of scores a[i] and b[i] that were measured on the same fold or seed. With `testToTrain` it is the
 * corrected resampled t test of Nadeau and Bengio (2003), for folds that share training data; without it the plain one.
 *
 * No spread is not proof. When all differences are equal, t is infinite and would call two lucky folds certain. Then
 * the sign test decides: n equal differences have p = 2^(1 - n), and the interval is that test's interval of the
 * median, which is the one difference if p is small enough and everything otherwise. With `testToTrain`, n is the
 * effective number of pairs 1 / (1 / n + testToTrain), by the same argument as the correction of the variance. So
 * independent pairs need six to be reliable at 95 %, and ordinary folds are never. One pair is never reliable.
 */
export function comparePaired(
  a: readonly number[],
  b: readonly number[],
  { testToTrain = 0, confidence = 0.95, largest = 1 }: PairedOptions = {},
): PairedComparison {
  const alpha = outside(confidence)
  if (a.length !== b.length || a.length === 0) {
    throw new GraftError('internal', `cannot pair ${a.length} scores with ${b.length}`)
  }
  const pairs = a.length
  const differences = a.map((value, i) => value - (b[i] as number))
  const difference = mean(differences)
  const share = 1 / pairs + testToTrain
  const spreadless = differences.every((d) => Math.abs(d - difference) <= 1e-12)

  let half: number
  let pValue: number
  if (spreadless) {
    const signTest = pairs < 2 ? 1 : Math.min(1, 2 ** (1 - 1 / share))
    half = signTest < alpha ? 0 : Number.POSITIVE_INFINITY
    pValue = Math.abs(difference) <= 1e-12 ? 1 : signTest
  } else {
    const standardError = Math.sqrt(variance(differences) * share)
    half = studentQuantile(1 - alpha / 2, pairs - 1) * standardError
    pValue = 2 * studentCdf(-Math.abs(difference) / standardError, pairs - 1)
  }
  return {
    difference,
    low: clamp(difference - half, -largest, largest),
    high: clamp(difference + half, -largest, largest),
    half,
    confidence,
    pValue,
    pairs,
    reliable: pValue < alpha,
  }
}

/**
 * McNemar's exact test of two models on the same test images (McNemar, 1947; Dietterich, 1998): of the images that
 * exactly one model got right, could a fair coin have split them like this? `pValue` is two-sided.
 * Throws when the arrays differ in length.
 */
export function mcnemarExact(
  rightA: readonly boolean[],
  rightB: readonly boolean[],
): { readonly onlyA: number; readonly onlyB: number; readonly pValue: number } {
  if (rightA.length !== rightB.length) {
    throw new GraftError('internal', `cannot pair ${rightA.length} images with ${rightB.length}`)
  }
  const onlyA = rightA.filter((right, i) => right && !rightB[i]).length
  const onlyB = rightB.filter((right, i) => right && !rightA[i]).length
  const fewer = Math.min(onlyA, onlyB)
  const more = Math.max(onlyA, onlyB)
  // P(X <= fewer) for X ~ Binomial(fewer + more, 1/2) is I_{1/2}(more, fewer + 1).
  const pValue = fewer === more ? 1 : Math.min(1, 2 * regularizedBeta(0.5, more, fewer + 1))
  return { onlyA, onlyB, pValue }
}

/**
 * P values adjusted for the number of tests by Holm's step-down procedure (Holm, "A simple sequentially rejective multiple
 * test procedure", Scandinavian Journal of Statistics 6, 1979), in the order given. The k-th smallest of m is
 * multiplied by m - k + 1, is never less than the one before it, and never more than 1. Calling reliable what stays
 * below alpha makes a single false claim among all m with a probability of at most alpha, however the tests depend on
 * each other. Throws when a value is outside [0, 1].
 */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const wrong = pValues.find((p) => !(p >= 0 && p <= 1))
  if (wrong !== undefined) {
    throw new GraftError('internal', `a p value lies between 0 and 1, not at ${wrong}`)
  }
  const adjusted = new Array<number>(pValues.length)
  const ascending = [...pValues.entries()].sort(([, a], [, b]) => a - b)
  let largest = 0
  for (const [rank, [i, p]] of ascending.entries()) {
    largest = Math.max(largest, Math.min(1, p * (pValues.length - rank)))
    adjusted[i] = largest
  }
  return adjusted
}
