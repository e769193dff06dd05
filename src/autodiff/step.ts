import type { GraphBuilder } from '../graph/builder.ts'

/**
 * 1 where a float32 value is positive, and 0 where it is not; with `atZero`, 1 where it is not negative. A sigmoid of straight lines that
 * is steep enough for the least normal number: one pass, where a comparison and a cast are two.
 */
export function step(builder: GraphBuilder, value: string, atZero: 0 | 1 = 0): string {
  return builder.op('HardSigmoid', [value], { alpha: 1e38, beta: atZero })
}
