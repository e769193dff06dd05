import type { CurvePoint } from '../comparison/record.ts'

export type CurveKey = 'trainingLoss' | 'validationLoss' | 'validationAccuracy'

/** One point of a line; `run` tells the lines of several folds or seeds apart. */
export type LinePoint = { readonly run: number; readonly epoch: number; readonly value: number }
/** The mean over runs at one epoch, and their range. */
export type MeanPoint = {
  readonly epoch: number
  readonly mean: number
  readonly low: number
  readonly high: number
}

type Curves = readonly (readonly CurvePoint[])[]

/** The points of each run at which `key` was measured and is finite. */
export const linePoints = (curves: Curves, key: CurveKey): LinePoint[] =>
  curves.flatMap((curve, run) =>
    curve.flatMap((point) => {
      const value = point[key]
      return value !== null && Number.isFinite(value) ? [{ run, epoch: point.epoch, value }] : []
    }),
  )

/**
 * Mean and range by epoch, over the epochs that every run measured: where some runs have stopped, a mean over the rest
 * would jump without anything having happened.
 */
export function meanPoints(curves: Curves, key: CurveKey): MeanPoint[] {
  const byEpoch = new Map<number, number[]>()
  for (const { epoch, value } of linePoints(curves, key)) {
    byEpoch.set(epoch, [...(byEpoch.get(epoch) ?? []), value])
  }
  return [...byEpoch]
    .filter(([, values]) => values.length === curves.length)
    .sort(([a], [b]) => a - b)
    .map(([epoch, values]) => ({
      epoch,
      mean: values.reduce((total, value) => total + value, 0) / values.length,
      low: Math.min(...values),
      high: Math.max(...values),
    }))
}

/** The span of the values with a little air; a span of its own around a single value, null without any. */
export function span(
  values: readonly number[],
  least: number,
  most: number,
): [number, number] | null {
  const finite = values.filter(Number.isFinite)
  if (finite.length === 0) return null
  const low = Math.min(...finite)
  const high = Math.max(...finite)
  const air = Math.max(0.02 * (high - low), 0.005)
  return [Math.max(least, low - air), Math.min(most, high + air)]
}
