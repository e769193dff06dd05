import type { Rule } from '../rule.ts'
import { convolutionRules } from './convolution.ts'
import { type Differentiable, type Rules, withoutGradient } from './differentiable.ts'
import { einsumRules } from './einsum.ts'
import { elementwiseRules } from './elementwise.ts'
import { gridSampleRules } from './grid-sample.ts'
import { indexingRules } from './indexing.ts'
import { layerNormalizationRules } from './layer-normalization.ts'
import { linearRules } from './linear.ts'
import { lossRules } from './losses.ts'
import { normalizationRules } from './normalization.ts'
import { poolingRules } from './pooling.ts'
import { reductionRules } from './reduction.ts'
import { resizeRules } from './resize.ts'
import { shapeRules } from './shape.ts'
import { trigonometricRules } from './trigonometric.ts'

/** A rule for every operator of the table that has a gradient; one that is missing does not compile. */
export const rules: Rules = {
  ...convolutionRules,
  ...einsumRules,
  ...elementwiseRules,
  ...gridSampleRules,
  ...indexingRules,
  ...layerNormalizationRules,
  ...linearRules,
  ...lossRules,
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
