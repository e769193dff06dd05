import { stopsGradient } from '../autodiff/rules/index.ts'
import { type Batch, batches } from '../data/batches.ts'
import { GraftError } from '../errors.ts'
import { finish } from '../events.ts'
import { type Graph, inputsOf, operatorKey } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import { constantRate, type Schedule } from '../nn/schedules.ts'
import type { Random } from '../random.ts'
import { argmax, logLoss } from '../statistics/classification.ts'
import { mean } from '../statistics/summaries.ts'
import { batchFeeds, type LabelledExamples } from './batch-feeds.ts'
import type { Examples } from './examples.ts'
import type { Forward } from './forward.ts'
import { predict, softmax } from './predict.ts'
import type { StepBatch, StepResult, TrainingStep } from './step.ts'

/** What happens in a training run, in order. */
export type TrainingEvent = {
  readonly type: 'epoch'
  /** From 1. */
  readonly epoch: number
  /** How many there are to be. */
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

export type TrainingOptions = LabelledExamples & {
  readonly step: TrainingStep
  /** The examples to train on. */
  readonly train: readonly number[]
  /** The epochs that the schedule is made for. */
  readonly epochs: number
  /** The epoch to end after, from 1 to `epochs`, at the rate that the schedule has there: early stopping. Default `epochs`. */
  readonly stopAfter?: number
  readonly learningRate: number
  /** Default: constant. */
  readonly schedule?: Schedule
  readonly random: Random
  /** Measured after every epoch where given, with the averages of the step where it keeps them; by default among the same examples. */
  readonly validation?: {
    readonly indices: readonly number[]
    readonly forward: Forward
    readonly examples?: Examples
    readonly labels?: ArrayLike<number>
  }
}

export type Trained = {
  /** Parameters and running statistics: their averages where the step keeps them. */
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly curve: readonly TrainingEvent[]
}

/**
 * Trains a classifier for a number of epochs, with one event an epoch.
 *
 * @throws GraftError `bad-usage` where `stopAfter` is none of the epochs
 */
export async function* train(options: TrainingOptions): AsyncGenerator<TrainingEvent, Trained> {
  const { step, batchSize, epochs, stopAfter = epochs, schedule = constantRate, random } = options
  if (
    options.stopAfter !== undefined &&
    !(Number.isInteger(stopAfter) && stopAfter >= 1 && stopAfter <= epochs)
  ) {
    throw new GraftError('bad-usage', `training of ${epochs} epochs cannot stop after ${stopAfter}`)
  }
  const stepsPerEpoch = Math.ceil(options.train.length / batchSize)
  const feedsOf = batchFeeds(options)
  const curve: TrainingEvent[] = []
  let learningRate = options.learningRate
  let count = 0
  function* prepared(chunk: readonly Batch[], draws: Random): Generator<StepBatch> {
    for (const batch of chunk) {
      learningRate = options.learningRate * schedule(count++, epochs * stepsPerEpoch)
      yield { feeds: feedsOf(batch, draws), learningRate }
    }
  }
  for (let epoch = 1; epoch <= stopAfter; epoch++) {
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
      epochs: stopAfter,
      trainingLoss: mean(results.map(({ loss }) => loss)),
      gradientNorm: mean(results.map((result) => result.gradientNorm)),
      validationLoss: measured?.loss ?? null,
      validationAccuracy: measured?.accuracy ?? null,
      learningRate,
    }
    curve.push(event)
    yield event
  }
  return { parameters: latest(step), curve }
}

/** What a step has learned: averages where it keeps them. */
export const latest = (step: TrainingStep) => step.averages() ?? step.parameters()

/** Rows that evaluation runs at once. */
const validationBatch = 128

async function validate({ step, input, validation, ...own }: TrainingOptions) {
  if (!validation || validation.indices.length === 0) return null
  const { indices, forward, examples = own.examples, labels = own.labels } = validation
  const size = Math.min(validationBatch, indices.length)
  const outputs = await finish(predict(forward, input, examples, indices, size, latest(step)))
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
    // What is only compared or counted has no gradient.
    if (!stopsGradient(operatorKey(node))) for (const input of inputsOf(node)) wanted.add(input)
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
