import {
  depthwiseConv,
  depthwiseInputGradient,
  depthwiseWeightGradient,
  isDepthwise,
} from './depthwise.ts'
import type { Lowering } from './index.ts'
import { standardLowering } from './standard.ts'

/**
 * Lowers what profits to ONNX Runtime's own operators on its blocked layout, with kernels that change from step to step; the rest as in
 * the standard lowering.
 *
 * @param block how many channels lie side by side (see `blockSize`)
 */
export function blockedLowering(block: number): Lowering {
  const depthwise = {
    'graft.Conv': depthwiseConv(block),
    'graft.ConvInputGradient': depthwiseInputGradient(block),
    'graft.ConvWeightGradient': depthwiseWeightGradient(block),
  }
  return {
    ...standardLowering,
    'graft.Conv': (builder, inputs, geometry) =>
      (isDepthwise(geometry) && depthwise['graft.Conv'](builder, inputs, geometry)) ||
      standardLowering['graft.Conv'](builder, inputs, geometry),
    'graft.ConvInputGradient': (builder, inputs, geometry) =>
      (isDepthwise(geometry) && depthwise['graft.ConvInputGradient'](builder, inputs, geometry)) ||
      standardLowering['graft.ConvInputGradient'](builder, inputs, geometry),
    'graft.ConvWeightGradient': (builder, inputs, geometry) =>
      (isDepthwise(geometry) && depthwise['graft.ConvWeightGradient'](builder, inputs, geometry)) ||
      standardLowering['graft.ConvWeightGradient'](builder, inputs, geometry),
  }
}
