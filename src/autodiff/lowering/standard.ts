import { conv, convInputGradient } from './convolution.ts'
import { convWeightGradient } from './convolution-weights.ts'
import type { Lowering } from './index.ts'
import { batchNormalization, batchNormalizationGradient } from './normalization.ts'
import { averagePoolGradient, maxPoolGradient } from './pooling.ts'

/** Everything as standard ONNX operators, with tensors in the NCHW layout of ONNX. */
export const standardLowering: Lowering = {
  'graft.AveragePoolGradient': averagePoolGradient,
  'graft.BatchNormalization': batchNormalization,
  'graft.BatchNormalizationGradient': batchNormalizationGradient,
  'graft.Conv': conv,
  'graft.ConvInputGradient': convInputGradient,
  'graft.ConvWeightGradient': convWeightGradient,
  'graft.MaxPoolGradient': maxPoolGradient,
}
