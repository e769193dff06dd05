import type { Batch } from '../data/batches.ts'
import type { Tensor } from '../graph/tensor.ts'
import { targetsInput, weightsInput } from '../nn/losses.ts'
import type { Random } from '../random.ts'
import type { Examples } from './examples.ts'

/** Labelled examples, and how a network takes them. */
export type LabelledExamples = {
  /** The name of the network's input. */
  readonly input: string
  readonly examples: Examples
  /** The class of every example. */
  readonly labels: ArrayLike<number>
  readonly batchSize: number
  /** A factor on the loss of each class, for imbalanced sets; default 1. */
  readonly classWeights?: readonly number[]
}

/** What a training step is fed for a batch. Targets and weights are overwritten by the next call. */
export function batchFeeds({
  input,
  examples,
  labels,
  batchSize,
  classWeights,
}: LabelledExamples): (batch: Batch, draws: Random) => Readonly<Record<string, Tensor>> {
  const targets: Tensor = { type: 'int64', dims: [batchSize], data: new BigInt64Array(batchSize) }
  const weights: Tensor = { type: 'float32', dims: [batchSize], data: new Float32Array(batchSize) }
  return (batch, draws) => {
    batch.indices.forEach((index, row) => {
      const label = labels[index] as number
      targets.data[row] = BigInt(label)
      weights.data[row] = (batch.weights[row] as number) * (classWeights?.[label] ?? 1)
    })
    return {
      [input]: examples.batch(batch.indices, draws),
      [targetsInput]: targets,
      [weightsInput]: weights,
    }
  }
}
