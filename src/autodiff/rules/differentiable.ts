import type { OperatorName } from '../../graph/operators.ts'
import type { Rule } from '../rule.ts'

/**
 * Operators that no gradient passes: their results are integers or booleans, constant, or piecewise constant; and the
 * operators that only lowerings write, which nobody differentiates again.
 */
export const withoutGradient = [
  'And',
  'ArgMax',
  'ArgMin',
  'Ceil',
  'Constant',
  'ConstantOfShape',
  'Equal',
  'Floor',
  'Greater',
  'GreaterOrEqual',
  'IsNaN',
  'Less',
  'LessOrEqual',
  'NonZero',
  'Not',
  'OneHot',
  'Or',
  'Range',
  'Round',
  'Shape',
  'Sign',
  'Size',
  'Xor',
  'com.microsoft.nchwc.AveragePool',
  'com.microsoft.nchwc.Conv',
  'com.microsoft.nchwc.GlobalAveragePool',
  'com.microsoft.nchwc.MaxPool',
  'com.microsoft.nchwc.ReorderInput',
  'com.microsoft.nchwc.ReorderOutput',
  'com.microsoft.nchwc.Upsample',
  'graft.AveragePoolGradient',
  'graft.BatchNormalizationGradient',
  'graft.ChannelSum',
  'graft.Conv',
  'graft.ConvInputGradient',
  'graft.ConvWeightGradient',
  'graft.MaxPoolGradient',
] as const satisfies readonly OperatorName[]

/** The operators that have a gradient. */
export type Differentiable = Exclude<OperatorName, (typeof withoutGradient)[number]>

/** A rule for every one of them. */
export type Rules = { readonly [O in Differentiable]: Rule<O> }
