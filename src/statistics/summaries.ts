import { GraftError } from '../errors.ts'

/** Arithmetic mean. Throws when there are no values. */
export function mean(values: readonly number[]): number {
  requireSome(values, 1, 'a mean')
  // The second pass takes away the rounding of the first, so that equal values give exactly their value.
  const first = sum(values) / values.length
  return first + sum(values.map((value) => value - first)) / values.length
}

/** Unbiased sample variance (division by n - 1). Throws with fewer than two values. */
export function variance(values: readonly number[]): number {
  requireSome(values, 2, 'a variance')
  const centre = mean(values)
  return sum(values.map((value) => (value - centre) ** 2)) / (values.length - 1)
}

/** Square root of the unbiased sample variance. Throws with fewer than two values. */
export const standardDeviation = (values: readonly number[]): number => Math.sqrt(variance(values))

/**
 * Sample quantile with linear interpolation between order statistics: definition 7 of Hyndman and Fan (1996), the
 * default of R and NumPy. Throws when there are no values or `p` is outside [0, 1].
 */
export function quantile(values: readonly number[], p: number): number {
  requireSome(values, 1, 'a quantile')
  if (!(p >= 0 && p <= 1)) {
    throw new GraftError('internal', `the order of a quantile lies in [0, 1], not at ${p}`)
  }
  const sorted = [...values].sort((a, b) => a - b)
  const position = p * (sorted.length - 1)
  const below = sorted[Math.floor(position)] as number
  const above = sorted[Math.ceil(position)] as number
  return below + (position - Math.floor(position)) * (above - below)
}

/** The middle value, or the mean of the two middle ones. Throws when there are no values. */
export const median = (values: readonly number[]): number => quantile(values, 0.5)

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

function requireSome(values: readonly number[], least: number, what: string): void {
  if (values.length < least) {
    throw new GraftError('internal', `${what} needs at least ${least} values, got ${values.length}`)
  }
}
