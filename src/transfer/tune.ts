import { type AugmentationRecipe, augmentationFor, noAugmentation } from '../data/augment.ts'
import type { Images } from '../data/pixels.ts'
import { GraftError } from '../errors.ts'
import { finish, mapEvents } from '../events.ts'
import { continueFrom, cutAt, extend } from '../graph/compose.ts'
import type { Graph } from '../graph/graph.ts'
import { sizeOf, type TensorType } from '../graph/tensor.ts'
import { crossEntropy } from '../nn/losses.ts'
import { adapt, decayTowardsStart, descend } from '../nn/optimizers.ts'
import { cosine, warmUp } from '../nn/schedules.ts'
import { mean } from '../statistics/summaries.ts'
import { lossesAtBest } from '../statistics/temperature.ts'
import { balancedWeights } from '../training/class-weights.ts'
import { costOf } from '../training/cost.ts'
import { imageExamples } from '../training/examples.ts'
import { computeFeatures, type FeatureOptions, viewExamples } from '../training/features.ts'
import { compileForwardBeside, withParameters } from '../training/forward.ts'
import { latest, type TrainingEvent, train, trainableParameters } from '../training/loop.ts'
import { predict } from '../training/predict.ts'
import { findLearningRate } from '../training/rate-range-test.ts'
import { scoreLogits } from '../training/score-logits.ts'
import { compileStep } from '../training/step.ts'
import {
  affordableEpochs,
  asProgress,
  inPhase,
  type StrategyEvent,
  type Task,
} from '../training/task.ts'
import { type Head, parametersOf, withHead } from './head.ts'

/** How photographs are changed while reused layers look at them, frozen or thawed. */
const augmentation: AugmentationRecipe = {
  ...noAugmentation,
  crop: 0.5,
  flip: true,
  brightness: 0.1,
  contrast: 0.1,
  saturation: 0.1,
}

/** The labelled images as reused layers look at them. */
export const augmentedExamples = ({ nativeSize }: Pick<Task, 'nativeSize'>, images: Images) =>
  imageExamples(images, augmentationFor(nativeSize, augmentation))

/** A network whose upper part is trained again and again from its reused values and a given output layer. */
export type Tuner = {
  readonly epochs: number
  /** The folds that the budget pays for: the first of them, in whole repeats. */
  readonly folds: Task['folds']
  /** The multiply-adds of `epochs` in these folds, and on all labels. */
  readonly cost: number
  /** The rate of a range test from the output layer given or from zeros; null where it says nothing, or would cost more than it is worth. */
  findRate(start: Start): AsyncGenerator<StrategyEvent, number | null>
  /**
   * Trains for `stopAfter` of all epochs.
   *
   * @param validation measured after each epoch; may be none
   * @param learningRate of the output layer and of the uppermost blocks
   */
  fit(
    options: Start & {
      readonly validation: readonly number[]
      readonly learningRate: number
      readonly stopAfter?: number
    },
  ): AsyncGenerator<StrategyEvent, Tuned>
  release(): Promise<void>
}

type Start = {
  readonly phase: string
  /** The output layer to begin with; null for one of zeros. */
  readonly head: Head | null
  readonly train: readonly number[]
  readonly random: Task['random']
}

export type Tuned = {
  readonly graph: Graph
  /** The names of the parameters and statistics that training may change. */
  readonly trained: ReadonlySet<string>
  readonly curve: readonly TrainingEvent[]
  /** The log loss after each epoch at each of `temperatures`. */
  readonly losses: readonly (readonly number[])[]
}

/** What is trained: all that lies above a value of the network. */
export type Tuning = {
  /** From pixels to features. */
  readonly network: Graph
  readonly features: number
  /** The value up to which all stays frozen; null to train everything. */
  readonly from: { readonly name: string; readonly type: TensorType } | null
  readonly images: Images
  /** The augmented looks at every image that the frozen part takes, where its results are cached. */
  readonly views: FeatureOptions['views']
  /** The parameters that have values worth keeping near: all others begin at random ones. */
  readonly reused: ReadonlySet<string>
  /** Factors on the learning rate for parameters of the network. */
  readonly multipliers: ReadonlyMap<string, number>
  /** The batch normalizations that use the statistics of the batch. */
  readonly batchStatistics: ReadonlySet<string>
}

const largestBatch = 32
/** How strongly reused weights are drawn back to where they came from, and new ones to zero, beside the adaptive part. */
const pull = 1
const weightDecay = 0.01
/** Activations that may be cached, in bytes; where they are more, the frozen part runs again in every step. */
const largestCache = 2 ** 29

/** Compiles the training of what is thawed; the frozen part is run once, where its results can be kept. */
export async function* createTuner(
  task: Task,
  tuning: Tuning,
): AsyncGenerator<StrategyEvent, Tuner> {
  const { network, features, from, images } = tuning
  const classes = task.classes.length
  const whole = withHead(network, features, classes)
  const upper = from && continueFrom(whole, from.name, from.type)
  const trained = new Set((upper ?? whole).initializers.keys())
  const trainable = trainableParameters(whole).filter((name) => trained.has(name))
  const total = await costOf(task, network)
  const frozen = from ? await costOf(task, cutAt(network, from.name)) : 0
  const views = 1 + (tuning.views?.count ?? 0)
  const size = from ? sizeOf(from.type.dims.slice(1)) : 0
  const cached = upper !== null && 4 * size * images.count * views <= largestCache
  // A frozen part is only run forward, a third of what it would cost.
  const perImage = total - frozen + (cached ? 0 : frozen / 3)
  const batchSize = Math.min(largestBatch, ...task.folds.map((fold) => fold.train.length))
  const { epochs, folds } = affordable(task, perImage, batchSize)
  const examples = cached
    ? viewExamples(
        yield* asProgress(
          'transfer, frozen layers',
          computeFeatures(
            flattened(cutAt(network, from?.name as string)),
            augmentedExamples(task, images),
            task.runtime,
            tuning.views ? { views: tuning.views } : {},
          ),
        ),
        from?.type.dims.slice(1) as number[],
      )
    : augmentedExamples(task, images)
  const graph = cached ? upper : whole
  const input = graph.inputs[0]?.name as string
  const step = await compileStep(
    {
      graph,
      loss: crossEntropy({ smoothing: 0.1 }),
      inputs: { [input]: { type: examples.type, dims: [batchSize, ...examples.dims] } },
      trainable,
      optimizer: [adapt(0.9, 0.999, 1e-8), decayTowardsStart(pull, weightDecay), descend],
      newParameters: new Set(trainable.filter((name) => !tuning.reused.has(name))),
      averaging: { decay: 0.9 },
      clipNorm: 5,
      multipliers: tuning.multipliers,
      batchStatistics: tuning.batchStatistics,
    },
    task.runtime,
  )
  const names = [...step.parameters().keys()]
  const forward = await compileForwardBeside(step, graph, names, task.runtime)
  const classWeights = balancedWeights(task.labels, classes)
  const measure = async (rows: readonly number[]) => {
    if (rows.length === 0) return null
    const outputs = await finish(
      predict(forward, input, examples, rows, Math.min(rows.length, 128), latest(step)),
    )
    const truth = rows.map((row) => task.labels[row] as number)
    return scoreLogits(outputs, truth)
  }
  const begin = (head: Head | null) => step.reset(head ? parametersOf(head) : undefined)
  const common = { step, input, examples, labels: task.labels, batchSize, classWeights }
  const all = epochs * images.count * (folds.length + 1)
  return {
    epochs,
    folds,
    cost: 3 * all * perImage,
    async *findRate({ phase, head, train: rows, random }) {
      const steps = Math.min(Math.floor((shareOfRateTest * all) / batchSize), mostRateSteps)
      if (steps < leastRateSteps) return null
      begin(head)
      const found = findLearningRate({ ...common, train: rows, steps, random })
      const counted = mapEvents(found, ({ step }) => ({ done: step, total: steps }))
      return (yield* asProgress(phase, counted)).learningRate
    },
    async *fit({ phase, head, train: rows, validation, learningRate, stopAfter, random }) {
      begin(head)
      const curve: TrainingEvent[] = []
      const losses: number[][] = []
      const events = train({
        ...common,
        train: rows,
        epochs,
        learningRate,
        schedule: warmUp(Math.ceil(rows.length / batchSize), cosine),
        random,
        ...(stopAfter !== undefined && { stopAfter }),
      })
      const measured = async function* () {
        for await (const event of events) {
          const score = await measure(validation)
          if (score) losses.push(score.scaled)
          const complete = {
            ...event,
            validationLoss: score?.loss ?? null,
            validationAccuracy: score?.accuracy ?? null,
          }
          curve.push(complete)
          yield complete
        }
      }
      yield* inPhase(phase, measured())
      const parameters = latest(step)
      const trained = new Set(parameters.keys())
      return { graph: withParameters(whole, parameters), trained, curve, losses }
    },
    async release() {
      await step.release()
      await forward.release()
    },
  }
}

/** Its output as rows, whatever it is. */
function flattened(graph: Graph): Graph {
  return extend(graph, (builder) => builder.op('Flatten', [graph.outputs[0]?.name as string]))
}

/** The steps of a range test, and the share of all training that it may be. */
const mostRateSteps = 60
const leastRateSteps = 30
const shareOfRateTest = 1 / 6

const leastEpochs = 3
const mostEpochs = 20
/** Where images are few, so many steps instead. */
const wantedSteps = 100
const mostEpochsOfFew = 40

/** The share of the budget that more than one repeat of the folds may take. */
const shareOfRepeats = 1 / 8

/**
 * As many epochs as are wanted, on as many repeats of the folds as a share of the budget pays for; on one repeat as many epochs as all of it does.
 *
 * @throws GraftError `unsupported` where that is too few to be worth it
 */
function affordable(task: Task, perImage: number, batchSize: number) {
  const images = task.labels.length
  const forSteps = Math.ceil(wantedSteps / Math.ceil(images / batchSize))
  const wanted = Math.max(mostEpochs, Math.min(forSteps, mostEpochsOfFew))
  const repeats = 1 + Math.max(...task.folds.map(({ repeat }) => repeat))
  for (let count = repeats; count > 0; count--) {
    const folds = task.folds.filter(({ repeat }) => repeat < count)
    const most = affordableEpochs(task, { perImage, images, runs: folds.length + 1 })
    const epochs = count > 1 ? shareOfRepeats * most : most
    if (epochs >= wanted) return { epochs: wanted, folds }
    if (count > 1) continue
    if (epochs >= leastEpochs) return { epochs: Math.floor(epochs), folds }
    const factor = Math.ceil(leastEpochs / epochs)
    throw new GraftError(
      'unsupported',
      `to train it would take about ${factor} times what the budget leaves for it: raise --budget`,
    )
  }
  throw new GraftError('internal', 'there are no folds')
}

/**
 * The epoch, from 1, after which the held-out loss of all folds was lowest, each epoch at its best temperature, and the losses there; epoch 0 and no losses where none is finite.
 */
export function bestEpoch(folds: readonly Pick<Tuned, 'losses'>[]): {
  readonly epoch: number
  readonly losses: readonly number[]
} {
  const epochs = Math.min(...folds.map(({ losses }) => losses.length))
  let best = { epoch: 0, losses: [] as readonly number[], loss: Number.POSITIVE_INFINITY }
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const { losses } = lossesAtBest(folds.map((fold) => fold.losses[epoch - 1] as number[]))
    const loss = mean(losses)
    if (loss < best.loss) best = { epoch, losses, loss }
  }
  return best
}
