import type { GraphBuilder } from '../graph/builder.ts'
import type { ElementType } from '../graph/tensor.ts'

/** The names of the inputs that a loss adds to a graph; no network has values of these names. */
export const targetsInput = 'graft.targets'
export const weightsInput = 'graft.weights'

/**
 * A loss as a graph fragment: a scalar from the network's output [N, K], the targets and one weight a sample [N]. It is the weighted
 * mean over the samples; a padding row has weight 0.
 */
export type Loss = {
  readonly targets: {
    readonly type: ElementType
    dims(outputDims: readonly number[]): readonly number[]
  }
  write(builder: GraphBuilder, values: { output: string; targets: string; weights: string }): string
}

/** The mean of a value [N] under the weights [N]. */
function weightedMean(builder: GraphBuilder, value: string, weights: string): string {
  const axes = builder.int64s([0])
  const sum = (term: string) => builder.op('ReduceSum', [term, axes], { keepdims: 0 })
  return builder.op('Div', [sum(builder.op('Mul', [value, weights])), sum(weights)])
}

/** The mean of a value [N, K] over K. */
function rowMean(builder: GraphBuilder, value: string): string {
  return builder.op('ReduceMean', [value, builder.int64s([1])], { keepdims: 0 })
}

/**
 * Cross-entropy of logits [N, K] against class indices, int64 [N].
 *
 * @param smoothing the share of each target that is spread evenly over all classes (Szegedy et al., 2016); default 0
 */
export function crossEntropy({ smoothing = 0 } = {}): Loss {
  return {
    targets: { type: 'int64', dims: ([batch = 0]) => [batch] },
    write(builder, { output, targets, weights }) {
      const logProbabilities = builder.op('LogSoftmax', [output])
      const index = builder.op('Unsqueeze', [targets, builder.int64s([1])])
      const own = builder.op('GatherElements', [logProbabilities, index], { axis: 1 })
      const picked = builder.op('Squeeze', [own, builder.int64s([1])])
      if (smoothing === 0) return weightedMean(builder, builder.op('Neg', [picked]), weights)
      const spread = builder.op('Mul', [
        rowMean(builder, logProbabilities),
        builder.scalar(-smoothing),
      ])
      const sharp = builder.op('Mul', [picked, builder.scalar(smoothing - 1)])
      return weightedMean(builder, builder.op('Add', [sharp, spread]), weights)
    },
  }
}

/** Cross-entropy of logits [N, K] against the probabilities of all classes, float32 [N, K]. */
export const softCrossEntropy: Loss = {
  targets: { type: 'float32', dims: (dims) => dims },
  write(builder, { output, targets, weights }) {
    const each = builder.op('Mul', [builder.op('LogSoftmax', [output]), targets])
    const sum = builder.op('ReduceSum', [each, builder.int64s([1])], { keepdims: 0 })
    return weightedMean(builder, builder.op('Neg', [sum]), weights)
  },
}

/** Binary cross-entropy of logits [N, K] against probabilities, float32 [N, K], averaged over K. */
export const binaryCrossEntropy: Loss = {
  targets: { type: 'float32', dims: (dims) => dims },
  write(builder, { output, targets, weights }) {
    const product = builder.op('Mul', [output, targets])
    const loss = builder.op('Sub', [builder.op('Softplus', [output]), product])
    return weightedMean(builder, rowMean(builder, loss), weights)
  },
}

/** Mean squared error of outputs [N, K] against targets, float32 [N, K], averaged over K. */
export const meanSquaredError: Loss = {
  targets: { type: 'float32', dims: (dims) => dims },
  write(builder, { output, targets, weights }) {
    const difference = builder.op('Sub', [output, targets])
    const square = builder.op('Mul', [difference, difference])
    return weightedMean(builder, rowMean(builder, square), weights)
  },
}

/** For a network that computes its own loss: the weighted mean of its output [N]. Its targets, float32 [1], are not looked at. */
export const ownLoss: Loss = {
  targets: { type: 'float32', dims: () => [1] },
  write: (builder, { output, weights }) => weightedMean(builder, output, weights),
}
