import { type Batch, batches } from '../data/batches.ts'
import { type Graph, inputsOf } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import { targetsInput, weightsInput } from '../nn/losses.ts'
import { constantRate, type Schedule } from '../nn/schedules.ts'
import type { Random } from '../random.ts'
import { argmax, logLoss } from '../statistics/classification.ts'
import { mean } from '../statistics/summaries.ts'
import type { Examples } from './examples.ts'
import type { Forward } from './forward.ts'
import { finish, predict, softmax } from './predict.ts'
import type { StepBatch, StepResult, TrainingStep } from './step.ts'

/** What happens in a training run, in order. */
export type TrainingEvent = {
  readonly type: 'epoch'
  /** From 1. */
  readonly epoch: number
  readonly epochs: number
  /** The mean loss of the epoch's steps. */
  readonly trainingLoss: number
  /** The mean norm of the gradient over the epoch's steps. */
  readonly gradientNorm: number
  readonly validationLoss: number | null
  readonly validationAccuracy: number | null
  /** The rate of the epoch's last step. */
  readonly learningRate: number
}

export type TrainingOptions = {
  readonly step: TrainingStep
  /** The name of the network's input. */
  readonly input: string
  readonly examples: Examples
  /** The class of every example. */
  readonly labels: ArrayLike<number>
  /** The examples to train on. */
  readonly train: readonly number[]
  readonly batchSize: number
  readonly epochs: number
  readonly learningRate: number
  /** Default: constant. */
  readonly schedule?: Schedule
  /** A factor on the loss of each class, for imbalanced sets; default 1. */
  readonly classWeights?: readonly number[]
  readonly random: Random
  /** Measured after every epoch where given; by default among the same examples. */
  readonly validation?: {
    readonly indices: readonly number[]
    readonly forward: Forward
    readonly examples?: Examples
    readonly labels?: ArrayLike<number>
  }
}

export type Trained = {
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly curve: readonly TrainingEvent[]
}

/** Trains a classifier for a number of epochs, with one event an epoch. */
export async function* train(options: TrainingOptions): AsyncGenerator<TrainingEvent, Trained> {
  const {
    step,
    input,
    examples,
    labels,
    batchSize,
    epochs,
    schedule = constantRate,
    random,
  } = options
  const stepsPerEpoch = Math.ceil(options.train.length / batchSize)
  const targets: Tensor = { type: 'int64', dims: [batchSize], data: new BigInt64Array(batchSize) }
  const weights: Tensor = { type: 'float32', dims: [batchSize], data: new Float32Array(batchSize) }
  const curve: TrainingEvent[] = []
  let learningRate = options.learningRate
  let count = 0
  function* prepared(chunk: readonly Batch[], draws: Random): Generator<StepBatch> {
    for (const batch of chunk) {
      learningRate = options.learningRate * schedule(count++, epochs * stepsPerEpoch)
      batch.indices.forEach((index, row) => {
        const label = labels[index] as number
        targets.data[row] = BigInt(label)
        weights.data[row] = (batch.weights[row] as number) * (options.classWeights?.[label] ?? 1)
      })
      const feeds = {
        [input]: examples.batch(batch.indices, draws),
        [targetsInput]: targets,
        [weightsInput]: weights,
      }
      yield { feeds, learningRate }
    }
  }
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const results: StepResult[] = []
    const order = [...batches(options.train, batchSize, random.fork(`order ${epoch}`))]
    const draws = random.fork(`draws ${epoch}`)
    for (let start = 0; start < order.length; start += step.capacity) {
      const chunk = order.slice(start, start + step.capacity)
      results.push(...(await step.runAll(prepared(chunk, draws), draws)))
    }
    const measured = await validate(options)
    const event: TrainingEvent = {
      type: 'epoch',
      epoch,
      epochs,
      trainingLoss: mean(results.map(({ loss }) => loss)),
      gradientNorm: mean(results.map((result) => result.gradientNorm)),
      validationLoss: measured?.loss ?? null,
      validationAccuracy: measured?.accuracy ?? null,
      learningRate,
    }
    curve.push(event)
    yield event
  }
  return { parameters: step.parameters(), curve }
}

/** Rows that evaluation runs at once. */
const validationBatch = 128

async function validate({ step, input, validation, ...own }: TrainingOptions) {
  if (!validation || validation.indices.length === 0) return null
  const { indices, forward, examples = own.examples, labels = own.labels } = validation
  const size = Math.min(validationBatch, indices.length)
  const outputs = await finish(predict(forward, input, examples, indices, size, step.parameters()))
  return scoreOf(
    softmax(outputs),
    indices.map((index) => labels[index] as number),
  )
}

/** Accuracy and log loss of class probabilities against the true classes. */
export function scoreOf(
  probabilities: readonly ArrayLike<number>[],
  truth: ArrayLike<number>,
): { readonly accuracy: number; readonly loss: number } {
  const right = probabilities.filter((row, index) => argmax(row) === truth[index]).length
  return { accuracy: right / probabilities.length, loss: logLoss(probabilities, truth) }
}

/** The float32 parameters of a network that training may change: weights, biases, scales; not statistics, bounds or scalars. */
export function trainableParameters(graph: Graph): string[] {
  const wanted = new Set<string>()
  const excluded = new Set<string>()
  for (const node of graph.nodes) {
    const slots = untrained[node.operator]
    for (const input of inputsOf(node)) wanted.add(input)
    node.inputs.forEach((input, slot) => {
      if (slots?.includes(slot)) excluded.add(input)
    })
  }
  return [...graph.initializers]
    .filter(
      ([name, { type, dims }]) =>
        type === 'float32' && dims.length > 0 && wanted.has(name) && !excluded.has(name),
    )
    .map(([name]) => name)
}

/** Inputs that are settings or statistics, not parameters. */
const untrained: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [3, 4],
  Clip: [1, 2],
  Dropout: [1, 2],
  Pad: [1, 2, 3],
  Resize: [1, 2, 3],
}
