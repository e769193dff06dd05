import type { GraphBuilder } from '../graph/builder.ts'

/**
 * 1 where a float32 value is positive, and 0 where it is not; with `atZero`, 1 where it is not negative. A sigmoid of straight lines that
 * is steep enough for the least normal number: one pass, where a comparison and a cast are two.
 */
export function step(builder: GraphBuilder, value: string, atZero: 0 | 1 = 0): string {
  return builder.op('HardSigmoid', [value], { alpha: 1e38, beta: atZero })
}

/**
 * 1 where a float32 value lies between zero and a bound, 0 where it is one of the two or less than rounding in the middle away from zero. From the distance to
 * the middle, which exactly the bounds have in full: half the bound and its product with a power of two are exact.
 */
export function stepsBetween(builder: GraphBuilder, value: string, bound: number): string {
  const middle = Math.fround(bound) / 2
  // The absolute value, for which ONNX Runtime's own operator has one thread only.
  const distance = builder.op('LeakyRelu', [builder.op('Sub', [value, builder.scalar(middle)])], {
    alpha: -1,
  })
  const steep = 2 ** 100
  return builder.op('HardSigmoid', [distance], { alpha: -steep, beta: steep * middle })
}
