import { type AugmentationRecipe, augmentationFor, noAugmentation } from '../data/augment.ts'
import { finish } from '../events.ts'
import type { Graph } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import { inputName } from '../nn/architectures.ts'
import { crossEntropy } from '../nn/losses.ts'
import { adamw } from '../nn/optimizers.ts'
import { oneCycle } from '../nn/schedules.ts'
import type { Random } from '../random.ts'
import { lossesAtBest } from '../statistics/temperature.ts'
import { balancedWeights } from './class-weights.ts'
import { costOf } from './cost.ts'
import { designFor } from './design.ts'
import { imageExamples } from './examples.ts'
import { compileForward, type Forward, withParameters } from './forward.ts'
import { train, trainableParameters } from './loop.ts'
import { halfNormalization, pixelsInput, takePixels } from './normalization.ts'
import { predict } from './predict.ts'
import { scoreLogits } from './score-logits.ts'
import { compileStep } from './step.ts'
import {
  affordableEpochs,
  type FoldResult,
  inPhase,
  remember,
  type StrategyEvent,
  type Task,
  type TrainedModel,
} from './task.ts'

const batchSize = 32
const learningRate = 2e-3
/** More passes over few images do not help: this bounds the steps of one training run. */
const mostSteps = 1500
const mostEpochs = 120
const leastEpochs = 3
/** Rows that evaluation runs at once. */
const validationBatch = 128

/** How photographs are changed. */
const augmentation: AugmentationRecipe = {
  ...noAugmentation,
  crop: 0.5,
  flip: true,
  brightness: 0.2,
  contrast: 0.2,
}

/** The values that a network begins with in a fold, or on all labels (null). */
export type InitialValues = (
  fold: number | null,
) => AsyncGenerator<StrategyEvent, ReadonlyMap<string, Tensor>>

export type WholeOptions = {
  /** What progress is named after. */
  readonly name: string
  /** What parameters and statistics begin with; default: random values. */
  readonly initial?: InitialValues
}

/** What a network came to whose layers were all trained, and how to train it on all labels. */
export type Whole = {
  readonly epochs: number
  readonly folds: readonly FoldResult[]
  /** The log loss on the held-out part of each fold, at the temperature that is best for all. */
  readonly losses: readonly number[]
  train(): AsyncGenerator<StrategyEvent, Pick<TrainedModel, 'graph' | 'size' | 'provenance'>>
}

/** What is kept of a fold: the loss at each of `temperatures` too. */
type Fold = { readonly result: FoldResult; readonly scaled: readonly number[] }

/** Trains all layers of the network for the size of the images in every fold, for one cycle of the learning rate. */
export async function* trainWhole(
  task: Task,
  { name, initial = atRandom }: WholeOptions,
): AsyncGenerator<StrategyEvent, Whole> {
  const { size, name: architecture } = designFor(task.nativeSize)
  const images = yield* task.images(size)
  const normalization = halfNormalization(size.channels)
  const { affordable, most } = await wholeEpochs(task)
  const epochs = Math.max(Math.round(Math.min(affordable, most)), leastEpochs)
  const examples = imageExamples(images, augmentationFor(size, augmentation))
  const classWeights = balancedWeights(task.labels, task.classes.length)

  const fitted = async function* (
    phase: string,
    random: Random,
    initially: ReadonlyMap<string, Tensor>,
    indices: readonly number[],
    validation: readonly number[],
  ) {
    const graph = networkFor(task, random.fork('parameters'), initially)
    const step = await compileStep(
      {
        graph,
        loss: crossEntropy({ smoothing: 0.1 }),
        inputs: { [pixelsInput]: { type: examples.type, dims: [batchSize, ...examples.dims] } },
        trainable: trainableParameters(graph),
        optimizer: adamw({ weightDecay: 0.05 }),
        clipNorm: 5,
        batchStatistics: true,
      },
      task.runtime,
    )
    let forward: Forward | undefined
    try {
      forward = await compileForward(graph, [...step.parameters().keys()], task.runtime)
      const own = forward
      const { curve, parameters } = yield* inPhase(
        phase,
        train({
          step,
          input: pixelsInput,
          examples,
          labels: task.labels,
          train: indices,
          batchSize,
          epochs,
          learningRate,
          schedule: oneCycle(),
          classWeights,
          random,
          validation: { indices: validation, forward: own },
        }),
      )
      const answer = () =>
        finish(predict(own, pixelsInput, examples, validation, validationBatch, parameters))
      const truth = validation.map((row) => task.labels[row] as number)
      const scaled = validation.length > 0 ? scoreLogits(await answer(), truth).scaled : []
      return { graph: withParameters(graph, parameters), curve, scaled }
    } finally {
      await step.release()
      await forward?.release()
    }
  }

  const folds: Fold[] = []
  for (const [index, fold] of task.folds.entries()) {
    const measured = async function* (): AsyncGenerator<StrategyEvent, Fold> {
      const start = performance.now()
      const phase = `${name}, fold ${index + 1} of ${task.folds.length}`
      const random = task.random.fork(`${name} fold ${index}`)
      const initially = yield* initial(index)
      const { curve, scaled } = yield* fitted(phase, random, initially, fold.train, fold.validation)
      const accuracy = curve.at(-1)?.validationAccuracy ?? 0
      const seconds = (performance.now() - start) / 1000
      return { result: { fold: index, accuracy, seconds, curve }, scaled }
    }
    folds.push(yield* remember(task.checkpoints, `whole-fold-${index}`, measured))
  }
  return {
    epochs,
    folds: folds.map(({ result }) => result),
    losses: lossesAtBest(folds.map(({ scaled }) => scaled)).losses,
    async *train() {
      const all = Array.from(task.labels, (_, index) => index)
      const random = task.random.fork(name)
      const { graph } = yield* fitted(`${name}, all labels`, random, yield* initial(null), all, [])
      const provenance = { architecture, normalization: normalization.name }
      return { graph, size, provenance }
    },
  }
}

// biome-ignore lint/correctness/useYield: other values may take time to come by.
const atRandom: InitialValues = async function* () {
  return new Map()
}

/** The network from pixels on. */
function networkFor(
  { nativeSize, classes }: Pick<Task, 'nativeSize' | 'classes'>,
  random: Random,
  initial: ReadonlyMap<string, Tensor> = new Map(),
): Graph {
  const { build, size } = designFor(nativeSize)
  const graph = build(classes.length, random)
  const known = [...initial].filter(([parameter]) => graph.initializers.has(parameter))
  return takePixels(
    withParameters(graph, new Map(known)),
    { input: inputName, layout: 'NCHW', ...size },
    halfNormalization(size.channels),
  )
}

/** The epochs that the budget pays for, as a fraction, and the most that help. */
export async function wholeEpochs(
  task: Task,
): Promise<{ readonly affordable: number; readonly most: number }> {
  const images = task.labels.length
  const affordable = affordableEpochs(task, {
    perImage: await costOf(task, networkFor(task, task.random)),
    images,
    runs: task.folds.length + 1,
  })
  return {
    affordable,
    most: Math.min(Math.ceil(mostSteps / Math.ceil(images / batchSize)), mostEpochs),
  }
}
