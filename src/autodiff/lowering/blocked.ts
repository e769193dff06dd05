import type { Partly } from './blocks.ts'
import { denseInputGradient } from './dense.ts'
import { depthwiseConv, depthwiseInputGradient, depthwiseWeightGradient } from './depthwise.ts'
import type { GradientOperator, Lower, Lowering } from './index.ts'
import { standardLowering } from './standard.ts'

/** The first of several lowerings that applies; the last one always does. */
function firstOf<O extends GradientOperator>(
  parts: readonly Partly<O>[],
  last: Lower<O>,
): Lower<O> {
  return (...given) => {
    for (const part of parts) {
      const outputs = part(...given)
      if (outputs) return outputs
    }
    return last(...given)
  }
}

/**
 * Lowers what profits to ONNX Runtime's own operators on its blocked layout, with kernels that change from step to step; the rest as in
 * the standard lowering.
 *
 * @param block how many channels lie side by side (see `blockSize`)
 */
export function blockedLowering(block: number): Lowering {
  return {
    ...standardLowering,
    'graft.Conv': firstOf([depthwiseConv(block)], standardLowering['graft.Conv']),
    'graft.ConvInputGradient': firstOf(
      [depthwiseInputGradient(block), denseInputGradient(block)],
      standardLowering['graft.ConvInputGradient'],
    ),
    'graft.ConvWeightGradient': firstOf(
      [depthwiseWeightGradient(block)],
      standardLowering['graft.ConvWeightGradient'],
    ),
  }
}
