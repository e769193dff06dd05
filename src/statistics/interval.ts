import { GraftError } from '../errors.ts'

/** An estimate with the bounds of its confidence interval; `confidence` is in (0, 1), such as 0.95. */
export type Interval = {
  readonly mean: number
  readonly low: number
  readonly high: number
  readonly confidence: number
}

/** The probability left outside a two-sided interval. Throws when `confidence` is not inside (0, 1). */
export function outside(confidence: number): number {
  if (!(confidence > 0 && confidence < 1)) {
    throw new GraftError('internal', `a confidence lies between 0 and 1, not at ${confidence}`)
  }
  return 1 - confidence
}

/** `value` moved into [low, high]. */
export const clamp = (value: number, low: number, high: number): number =>
  Math.min(high, Math.max(low, value))
