import type { AugmentationRecipe } from '../data/augment.ts'
import type { Images } from '../data/pixels.ts'
import { GraftError } from '../errors.ts'
import { continueFrom, cutAt, extend } from '../graph/compose.ts'
import type { Graph } from '../graph/graph.ts'
import { sizeOf, type TensorType } from '../graph/tensor.ts'
import { crossEntropy } from '../nn/losses.ts'
import { adamw } from '../nn/optimizers.ts'
import { cosine, warmUp } from '../nn/schedules.ts'
import { balancedWeights } from '../training/class-weights.ts'
import { imageExamples } from '../training/examples.ts'
import { computeFeatures, type FeatureOptions, viewExamples } from '../training/features.ts'
import { compileForward, withParameters } from '../training/forward.ts'
import { type TrainingEvent, train, trainableParameters } from '../training/loop.ts'
import { compileStep } from '../training/step.ts'
import {
  affordableEpochs,
  asProgress,
  type FoldResult,
  inPhase,
  remember,
  type StrategyEvent,
  type Task,
} from '../training/task.ts'
import { costOf } from './cost.ts'
import { type Head, headBias, headWeight, withHead } from './head.ts'

const batchSize = 32
export const tuningRate = 1e-4

/** How images are changed while reused layers look at them, frozen or thawed. */
export const augmentation: AugmentationRecipe = {
  crop: 0.5,
  flip: true,
  shift: 0,
  brightness: 0.1,
  contrast: 0.1,
  saturation: 0.1,
}

/** The upper blocks of a network, thawed, that are trained again and again from their reused values and a given output layer. */
export type Tuner = {
  readonly epochs: number
  /** The multiply-adds of `epochs` in every fold, and on all labels. */
  readonly cost: number
  fit(
    phase: string,
    head: Head,
    rows: readonly number[],
    validation: readonly number[],
    random: Task['random'],
  ): AsyncGenerator<
    StrategyEvent,
    { readonly graph: Graph; readonly curve: readonly TrainingEvent[] }
  >
  release(): Promise<void>
}

/** What is thawed: all that lies above a value of the network. */
export type Thaw = {
  /** The reused layers, from pixels to features. */
  readonly network: Graph
  readonly features: number
  /** The value up to which all stays frozen; null to thaw everything. */
  readonly from: { readonly name: string; readonly type: TensorType } | null
  readonly images: Images
  /** The augmented looks at every image that the frozen part takes, where its results are cached. */
  readonly views: FeatureOptions['views']
}

/** Activations that may be cached, in bytes; where they are more, the frozen part runs again in every step. */
const largestCache = 2 ** 29

/** Compiles the training of what is thawed; the frozen part is run once, where its results can be kept. */
export async function* createTuner(task: Task, thaw: Thaw): AsyncGenerator<StrategyEvent, Tuner> {
  const { network, features, from, images } = thaw
  const classes = task.classes.length
  const whole = withHead(network, features, classes)
  const upper = from && continueFrom(whole, from.name, from.type)
  const trained = new Set((upper ?? whole).initializers.keys())
  const trainable = trainableParameters(whole).filter((name) => trained.has(name))
  const total = await costOf(task, network)
  const frozen = from ? await costOf(task, cutAt(network, from.name)) : 0
  const views = 1 + (thaw.views?.count ?? 0)
  const size = from ? sizeOf(from.type.dims.slice(1)) : 0
  const cached = upper !== null && 4 * size * images.count * views <= largestCache
  // A frozen part is only run forward, a third of what it would cost.
  const perImage = total - frozen + (cached ? 0 : frozen / 3)
  const epochs = tuningEpochs(task, perImage)
  const examples = cached
    ? viewExamples(
        yield* asProgress(
          'transfer, frozen layers',
          computeFeatures(
            flattened(cutAt(network, from?.name as string)),
            imageExamples(images, augmentation),
            task.runtime,
            thaw.views ? { views: thaw.views } : {},
          ),
        ),
        from?.type.dims.slice(1) as number[],
      )
    : imageExamples(images, augmentation)
  const graph = cached ? upper : whole
  const input = graph.inputs[0]?.name as string
  const type = { type: examples.type, dims: [batchSize, ...examples.dims] }
  const step = await compileStep(
    {
      graph,
      loss: crossEntropy({ smoothing: 0.1 }),
      inputs: { [input]: type },
      trainable,
      optimizer: adamw({ weightDecay: 0.01 }),
      clipNorm: 5,
      batchStatistics: false,
    },
    task.runtime,
  )
  const forward = await compileForward(graph, trainable, task.runtime)
  const classWeights = balancedWeights(task.labels, classes)
  return {
    epochs,
    cost: 3 * epochs * perImage * images.count * (task.folds.length + 1),
    async *fit(phase, head, rows, validation, random) {
      const first = [
        [headWeight, head.weight],
        [headBias, head.bias],
      ] as const
      step.reset(new Map(first))
      const { parameters, curve } = yield* inPhase(
        phase,
        train({
          step,
          input,
          examples,
          labels: task.labels,
          train: rows,
          batchSize,
          epochs,
          learningRate: tuningRate,
          schedule: warmUp(Math.ceil(rows.length / batchSize), cosine),
          classWeights,
          random,
          validation: { indices: validation, forward },
        }),
      )
      return { graph: withParameters(whole, parameters), curve }
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

const leastEpochs = 3
const mostEpochs = 20

/** As many epochs as the budget pays for; throws `unsupported` where that is too few to be worth it. */
function tuningEpochs(task: Task, perImage: number): number {
  const epochs = affordableEpochs(task, {
    perImage,
    images: task.labels.length,
    runs: task.folds.length + 1,
  })
  if (epochs < leastEpochs) {
    const factor = Math.ceil(leastEpochs / epochs)
    throw new GraftError(
      'unsupported',
      `to train them would take about ${factor} times what the budget leaves for it: raise --budget`,
    )
  }
  return Math.round(Math.min(epochs, mostEpochs))
}

/** Trains on in every fold, from the fold's output layer. */
export async function* tuneFolds(
  task: Task,
  tuner: Tuner,
  heads: readonly Head[],
  { what, key }: { readonly what: string; readonly key: string },
): AsyncGenerator<StrategyEvent, readonly FoldResult[]> {
  const folds: FoldResult[] = []
  for (const [index, { train: rows, validation }] of task.folds.entries()) {
    const phase = `transfer, ${what} thawed, fold ${index + 1} of ${task.folds.length}`
    const measured = async function* (): AsyncGenerator<StrategyEvent, FoldResult> {
      const start = performance.now()
      const random = task.random.fork(`thawed fold ${index}`)
      const { curve } = yield* tuner.fit(phase, heads[index] as Head, rows, validation, random)
      const seconds = (performance.now() - start) / 1000
      return { fold: index, accuracy: curve.at(-1)?.validationAccuracy ?? 0, seconds, curve }
    }
    folds.push(yield* remember(task.checkpoints, `transfer-${key}-fold-${index}`, measured))
  }
  return folds
}
