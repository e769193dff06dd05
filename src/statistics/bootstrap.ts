import type { Random } from '../random.ts'
import { type Interval, outside } from './interval.ts'
import { mean, quantile } from './summaries.ts'

export type BootstrapOptions<T> = {
  /** The statistic of one sample. */
  readonly statistic: (sample: readonly T[]) => number
  readonly random: Random
  /** Default 2000. */
  readonly resamples?: number
  /** Default 0.95. */
  readonly confidence?: number
}

/**
 * Percentile bootstrap interval (Efron, 1979) of any statistic of independent values; `mean` is the statistic of the
 * values themselves. It is too narrow for fewer than about twenty values. Throws when there are none.
 */
export function bootstrapInterval<T>(
  values: readonly T[],
  { statistic, random, resamples = 2000, confidence = 0.95 }: BootstrapOptions<T>,
): Interval {
  const tail = outside(confidence) / 2
  const results = Array.from({ length: resamples }, () =>
    statistic(values.map(() => values[random.integer(values.length)] as T)),
  )
  return {
    mean: statistic(values),
    low: quantile(results, tail),
    high: quantile(results, 1 - tail),
    confidence,
  }
}

/** `bootstrapInterval` of the mean. */
export const bootstrapMean = (
  values: readonly number[],
  options: Omit<BootstrapOptions<number>, 'statistic'>,
): Interval => bootstrapInterval(values, { ...options, statistic: mean })
