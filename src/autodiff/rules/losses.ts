import { GraftError } from '../../errors.ts'
import { describeNode } from '../../graph/graph.ts'
import { sizeOf } from '../../graph/tensor.ts'
import { type RuleContext, zerosLike } from '../rule.ts'
import type { Rules } from './differentiable.ts'

type Loss = 'NegativeLogLikelihoodLoss' | 'SoftmaxCrossEntropyLoss'

export const lossRules = {
  NegativeLogLikelihoodLoss: (context, [dy]) => [
    () => logProbabilityGradient(context, dy as string),
    null,
    () => classWeightGradient(context),
  ],
  SoftmaxCrossEntropyLoss: (context, [dy, dLogProbabilities]) => {
    const { builder, inputs, outputs } = context
    return [
      () => {
        const given = [dy && logProbabilityGradient(context, dy), dLogProbabilities]
        const terms = given.filter((term) => term !== undefined)
        const gradient = terms.length > 1 ? builder.op('Add', terms) : (terms[0] as string)
        const probabilities = outputs[1]
          ? builder.op('Exp', [outputs[1]])
          : builder.op('Softmax', [inputs[0]], { axis: 1 })
        const sum = builder.op('ReduceSum', [gradient, builder.int64s([1])])
        return builder.op('Sub', [gradient, builder.op('Mul', [probabilities, sum])])
      },
      null,
      () => classWeightGradient(context),
    ]
  },
} satisfies Partial<Rules>

/** The gradient with respect to the logarithms of probabilities [N, C, d1, ...]: at each target minus its weight, elsewhere zero. */
function logProbabilityGradient(context: RuleContext<Loss>, dy: string): string {
  const { builder, attributes, inputs, scalar, type, dims } = context
  const [scores = '', labels = '', classWeights] = inputs
  const { ignore_index: ignored, reduction } = attributes
  const zero = builder.scalar(0, type(labels).type)
  const skipped =
    ignored === undefined
      ? undefined
      : builder.op('Equal', [labels, builder.scalar(ignored, type(labels).type)])
  // What is ignored need not be a class: any other index does, with a weight of zero.
  const targets = skipped ? builder.op('Where', [skipped, zero, labels]) : labels
  const ones = builder.op('Expand', [scalar(1), builder.int64s(dims(labels))])
  const all = classWeights ? builder.op('Gather', [classWeights, targets]) : ones
  const weights = skipped ? builder.op('Where', [skipped, scalar(0), all]) : all
  const weighted = builder.op('Mul', [builder.op('Neg', [weights]), dy])
  const plain = skipped === undefined && !classWeights
  const total = plain
    ? scalar(sizeOf(dims(labels)))
    : builder.op('ReduceSum', [weights], { keepdims: 0 })
  const slopes = reduction === 'mean' ? builder.op('Div', [weighted, total]) : weighted
  const column = (value: string) => builder.op('Unsqueeze', [value, builder.int64s([1])])
  return builder.op(
    'ScatterElements',
    [zerosLike(context, scores), column(targets), column(slopes)],
    { axis: 1 },
  )
}

/** ONNX declares the class weights not to be differentiable. */
function classWeightGradient({ node }: RuleContext<Loss>): never {
  throw new GraftError(
    'unsupported',
    `${describeNode(node)}: no gradient with respect to the weights of the classes`,
  )
}
