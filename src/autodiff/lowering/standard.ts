import { channelSum } from './channel-sum.ts'
import { conv, convInputGradient } from './convolution.ts'
import { convWeightGradient } from './convolution-weights.ts'
import {
  batchNormalization,
  batchNormalizationGradient,
  channelAffine,
  channelMoments,
} from './normalization.ts'
import { averagePoolGradient, maxPoolGradient } from './pooling.ts'
import type { GradientOperator, Lower } from './rule.ts'

/** Everything as standard ONNX operators, with tensors in the NCHW layout of ONNX. */
export const standardRules: { readonly [O in GradientOperator]: Lower<O> } = {
  'graft.AveragePoolGradient': averagePoolGradient,
  'graft.BatchNormalization': batchNormalization,
  'graft.BatchNormalizationGradient': batchNormalizationGradient,
  'graft.ChannelAffine': channelAffine,
  'graft.ChannelMoments': channelMoments,
  'graft.ChannelSum': channelSum,
  'graft.Conv': conv,
  'graft.ConvInputGradient': convInputGradient,
  'graft.ConvWeightGradient': convWeightGradient,
  'graft.MaxPoolGradient': maxPoolGradient,
}
