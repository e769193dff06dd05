import type { OperatorName } from '../../graph/operators.ts'
import type { BlockedRule } from './blocks.ts'
import { blockedConcat, blockedSplit } from './channel-parts.ts'
import { blockedChannelSum } from './channel-sum.ts'
import { convWeightGradientFromBlocks } from './convolution-weights.ts'
import { denseConv, denseInputGradient } from './dense.ts'
import { depthwiseConv, depthwiseInputGradient, depthwiseWeightGradient } from './depthwise.ts'
import { elementwiseRules } from './elementwise.ts'
import { groupedConv, groupedInputGradient, groupedWeightGradient } from './grouped.ts'
import {
  blockedChannelAffine,
  blockedChannelMoments,
  blockedNormalization,
  blockedNormalizationGradient,
} from './normalization.ts'
import { overlappingMaxPoolGradient } from './overlapping-pool-blocks.ts'
import { blockPixels, channelsMoved } from './pixels.ts'
import { planeWeightGradient } from './plane-convolution-weights.ts'
import {
  averagePool,
  expand,
  globalAveragePool,
  mapSum,
  maxPool,
  tiledMaxPoolGradient,
} from './pooling-blocks.ts'
import { isSmall, rowConv, rowInputGradient } from './row-convolution.ts'

/** The first of several rules that applies. */
const firstOf =
  <O extends OperatorName>(...rules: readonly BlockedRule<O>[]): BlockedRule<O> =>
  (...given) => {
    for (const rule of rules) {
      const outputs = rule(...given)
      if (outputs) return outputs
    }
    return null
  }

/** On small maps: by rows of pixels, from blocks and into blocks. */
const smallConv: BlockedRule<'graft.Conv'> = (blocks, inputs, geometry) =>
  isSmall(geometry) ? [rowConv(blocks.builder, inputs, geometry, blockPixels(blocks))] : null

const smallInputGradient: BlockedRule<'graft.ConvInputGradient'> = (blocks, inputs, geometry) =>
  isSmall(geometry)
    ? [rowInputGradient(blocks.builder, inputs, geometry, blockPixels(blocks))]
    : null

/** What is written on ONNX Runtime's blocked layout. */
export const blockedRules: Partial<Record<string, BlockedRule<never>>> = {
  ...elementwiseRules,
  AveragePool: averagePool,
  Concat: blockedConcat,
  Expand: expand,
  GlobalAveragePool: globalAveragePool,
  MaxPool: maxPool,
  ReduceSum: mapSum,
  Split: blockedSplit,
  Transpose: channelsMoved,
  'graft.BatchNormalization': blockedNormalization,
  'graft.BatchNormalizationGradient': blockedNormalizationGradient,
  'graft.ChannelAffine': blockedChannelAffine,
  'graft.ChannelMoments': blockedChannelMoments,
  'graft.ChannelSum': blockedChannelSum,
  'graft.Conv': firstOf(depthwiseConv, groupedConv, smallConv, denseConv),
  'graft.ConvInputGradient': firstOf(
    depthwiseInputGradient,
    groupedInputGradient,
    smallInputGradient,
    denseInputGradient,
  ),
  'graft.ConvWeightGradient': firstOf(
    depthwiseWeightGradient,
    groupedWeightGradient,
    planeWeightGradient,
    convWeightGradientFromBlocks,
  ),
  'graft.MaxPoolGradient': firstOf(tiledMaxPoolGradient, overlappingMaxPoolGradient),
}
