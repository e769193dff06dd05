import type { GraphBuilder } from '../graph/builder.ts'

/**
 * 1 where a float32 value is positive, and 0 where it is not; with `atZero`, 1 where it is not negative. A sigmoid of straight lines that
 * is steep enough for the least normal number: one pass, where a comparison and a cast are two.
 */
export function step(builder: GraphBuilder, value: string, atZero: 0 | 1 = 0): string {
  return builder.op('HardSigmoid', [value], { alpha: 1e38, beta: atZero })
}

/**
 * 1 where a float32 value is at least the threshold, 0 where it is less, exactly: a power of two scales without rounding, and the line
 * rises between the threshold and the number before it.
 */
export function stepAt(builder: GraphBuilder, value: string, threshold: number): string {
  const steep = 2 ** 100
  const before = Math.fround(threshold) * (1 - 2 ** -24)
  return builder.op('HardSigmoid', [value], { alpha: steep, beta: -steep * Math.fround(before) })
}
