import type { OperatorName } from '../../graph/operators.ts'
import type { Rule } from '../rule.ts'
import { convolutionRules } from './convolution.ts'
import { einsumRules } from './einsum.ts'
import { elementwiseRules } from './elementwise.ts'
import { indexingRules } from './indexing.ts'
import { layerNormalizationRules } from './layer-normalization.ts'
import { linearRules } from './linear.ts'
import { normalizationRules } from './normalization.ts'
import { poolingRules } from './pooling.ts'
import { reductionRules } from './reduction.ts'
import { resizeRules } from './resize.ts'
import { shapeRules } from './shape.ts'
import { trigonometricRules } from './trigonometric.ts'

/**
 * Operators that no gradient passes: their results are integers or booleans, constant, or piecewise constant; and the
 * gradient operators of our own, which nobody differentiates again.
 */
const withoutGradient = [
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
  'graft.AveragePoolGradient',
  'graft.BatchNormalizationGradient',
  'graft.ConvInputGradient',
  'graft.ConvWeightGradient',
  'graft.MaxPoolGradient',
] as const satisfies readonly OperatorName[]

type Differentiable = Exclude<OperatorName, (typeof withoutGradient)[number]>

export type Rules = { readonly [O in Differentiable]: Rule<O> }

/** A rule for every operator of the table that has a gradient; one that is missing does not compile. */
export const rules: Rules = {
  ...convolutionRules,
  ...einsumRules,
  ...elementwiseRules,
  ...indexingRules,
  ...layerNormalizationRules,
  ...linearRules,
  ...normalizationRules,
  ...poolingRules,
  ...reductionRules,
  ...resizeRules,
  ...shapeRules,
  ...trigonometricRules,
}

const blocked: ReadonlySet<string> = new Set(withoutGradient)

/** Whether no gradient passes the operator, given as its key. */
export function stopsGradient(key: string): boolean {
  return blocked.has(key)
}

/** The rule of an operator, given as its key; undefined where there is none. */
export function ruleOf(key: string): Rule | undefined {
  return Object.hasOwn(rules, key) ? (rules[key as Differentiable] as unknown as Rule) : undefined
}
