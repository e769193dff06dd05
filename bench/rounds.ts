import { setTimeout as wait } from 'node:timers/promises'
import { median, quantile } from '../src/statistics/summaries.ts'
import { isBusy } from './machine.ts'
import type { Limit, Opened, Row } from './row.ts'
import type { Side } from './side.ts'

/** The median of some rounds and their quartiles. */
export type Summary = { readonly median: number; readonly low: number; readonly high: number }

export type MeasuredSide = Summary & {
  readonly name: string
  /** The share of one core that it used while the other sides ran, beyond the pause after its own round. */
  readonly idleShare: number
}

export type Measured = {
  readonly rounds: number
  readonly ours: MeasuredSide
  /** Each with ours divided by it, round by round. */
  readonly others: readonly (MeasuredSide & { readonly ratio: Summary })[]
  /** The other side that counts, and its ratio; null where there is no other. */
  readonly fastest: string | null
  readonly ratio: Summary | null
}

/** Milliseconds before each round, in which the threads of the side before it come to rest: those of OpenBLAS look for work for 130 ms. */
export const pause = 200

/** Measures all sides in turns, so that what else the machine does falls on each of them. */
export async function measure(
  { ours, others }: Opened,
  { rounds = 9, warmUp = true }: Pick<Row, 'rounds' | 'warmUp'>,
): Promise<Measured> {
  const sides = [ours, ...others]
  if (warmUp) for (const side of sides) await side.round()
  const medians = new Map<Side, number[]>(sides.map((side) => [side, []]))
  const idle = new Map<Side, number[]>(sides.map((side) => [side, []]))
  const ended = new Map<Side, number>()
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) {
      await wait(pause)
      const rested = performance.now() - (ended.get(side) ?? Number.NaN)
      const result = await side.round()
      ended.set(side, performance.now())
      medians.get(side)?.push(median(result.values))
      if (rested > pause) idle.get(side)?.push(Math.max(result.idle - pause, 0) / (rested - pause))
    }
  }
  const valuesOf = (side: Side) => medians.get(side) as number[]
  const measured = (side: Side): MeasuredSide => ({
    name: side.name,
    ...summarize(valuesOf(side)),
    idleShare: median(idle.get(side) as number[]),
  })
  const beside = others.map((side) => ({
    ...measured(side),
    ratio: summarize(ratios(valuesOf(ours), valuesOf(side))),
  }))
  const [fastest] = beside.toSorted((a, b) => a.median - b.median)
  return {
    rounds,
    ours: measured(ours),
    others: beside,
    fastest: fastest?.name ?? null,
    ratio: fastest?.ratio ?? null,
  }
}

const ratios = (a: readonly number[], b: readonly number[]) =>
  a.map((value, round) => value / (b[round] as number))

function summarize(values: readonly number[]): Summary {
  return { median: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75) }
}

/** Whether a limit is met, and whether that is clear: on a quiet machine, by the quartiles too; null without a limit. */
export function judge({ ours, ratio }: Measured, limit: Limit | null, busy: number) {
  if (!limit) return null
  const [value, most] = 'ms' in limit ? [ours, limit.ms] : [ratio as Summary, limit.ratio]
  const met = value.median <= most
  const decided = met ? value.high <= most : value.low > most
  return { met, clear: decided && !isBusy(busy) }
}

/** The largest relative difference between the losses of ours and of any other side. */
export function lossDifference({ ours, others }: Opened): number {
  const differences = others.flatMap(({ losses }) =>
    ours.losses.map((loss, index) => Math.abs((losses[index] as number) - loss) / Math.abs(loss)),
  )
  return Math.max(0, ...differences)
}
