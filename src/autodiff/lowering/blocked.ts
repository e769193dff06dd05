import type { OperatorName } from '../../graph/operators.ts'
import type { BlockedRule } from './blocks.ts'
import { blockedChannelSum } from './channel-sum.ts'
import { convWeightGradientFromBlocks } from './convolution-weights.ts'
import { denseConv, denseInputGradient } from './dense.ts'
import { depthwiseConv, depthwiseInputGradient, depthwiseWeightGradient } from './depthwise.ts'
import { elementwiseRules } from './elementwise.ts'
import { averagePool, globalAveragePool, maxPool, tiledMaxPoolGradient } from './pooling-blocks.ts'

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

/** What is written on ONNX Runtime's blocked layout. */
export const blockedRules: Partial<Record<string, BlockedRule<never>>> = {
  ...elementwiseRules,
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  MaxPool: maxPool,
  'graft.ChannelSum': blockedChannelSum,
  'graft.Conv': firstOf(depthwiseConv, denseConv),
  'graft.ConvInputGradient': firstOf(depthwiseInputGradient, denseInputGradient),
  'graft.ConvWeightGradient': firstOf(depthwiseWeightGradient, convWeightGradientFromBlocks),
  'graft.MaxPoolGradient': tiledMaxPoolGradient,
}
