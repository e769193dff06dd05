import { GraftError } from '../errors.ts'
import type { GraphBuilder } from '../graph/builder.ts'
import { type Carried, stepInput } from './update.ts'

export type Averaging = {
  /** The share of the average that each step leaves as it is, at least 0 and below 1: about the last 1 / (1 - decay) steps count. */
  readonly decay: number
}

/** The name of the state that holds the averages. */
export const averageState = 'average'

/**
 * Writes exponential moving averages of all values that a step carries (Polyak and Juditsky, 1992, average all steps alike; Tarvainen
 * and Valpola, 2017, let old ones fade). Step k of t weighs decay^(t - k) * (1 - decay) / (1 - decay^t): the first values, from before
 * all steps, count for nothing, and as long as t is small the average is nearly the plain mean.
 *
 * @param values the parameters and running statistics; the averages are those of their outputs
 * @throws GraftError `bad-input` for a decay out of range
 */
export function writeAverages(
  builder: GraphBuilder,
  values: readonly Carried[],
  { decay }: Averaging,
): Carried[] {
  if (!(decay >= 0 && Math.fround(decay) < 1)) {
    throw new GraftError(
      'bad-input',
      `the decay of an average must be at least 0 and below 1, not ${decay}`,
    )
  }
  const one = builder.scalar(1)
  const base = builder.scalar(decay)
  const share = builder.op('Div', [
    builder.op('Sub', [one, base]),
    builder.op('Sub', [one, builder.op('Pow', [base, stepInput])]),
  ])
  return values.map(({ parts, size, input: before, output: value }) => {
    const input = builder.input(builder.fresh(`${before} average`), 'float32', [size])
    const way = builder.op('Sub', [value, input])
    const output = builder.op('Add', [input, builder.op('Mul', [way, share])])
    return { parts, state: averageState, first: 'parameter', input, output, size }
  })
}
