import type { AugmentationRecipe } from '../data/augment.ts'
import type { Images } from '../data/pixels.ts'
import { GraftError } from '../errors.ts'
import type { Graph } from '../graph/graph.ts'
import { crossEntropy } from '../nn/losses.ts'
import { adamw } from '../nn/optimizers.ts'
import { cosine, warmUp } from '../nn/schedules.ts'
import { mean } from '../statistics/summaries.ts'
import { balancedWeights } from '../training/class-weights.ts'
import { imageExamples } from '../training/examples.ts'
import { compileForward, withParameters } from '../training/forward.ts'
import { type TrainingEvent, train, trainableParameters } from '../training/loop.ts'
import { pixelsInput } from '../training/normalization.ts'
import { compileStep } from '../training/step.ts'
import {
  affordableEpochs,
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

/** A whole network, thawed, that is trained again and again from its reused values and a given output layer. */
export type Tuner = {
  readonly epochs: number
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

/**
 * Compiles the training of all layers.
 *
 * @param network the reused layers, from pixels to features
 */
export async function createTuner(
  task: Task,
  network: Graph,
  features: number,
  images: Images,
): Promise<Tuner> {
  const { height, width, channels } = images
  const classes = task.classes.length
  const graph = withHead(network, features, classes)
  const trainable = trainableParameters(graph)
  const epochs = await tuningEpochs(task, network)
  const step = await compileStep(
    {
      graph,
      loss: crossEntropy({ smoothing: 0.1 }),
      inputs: { [pixelsInput]: { type: 'uint8', dims: [batchSize, height, width, channels] } },
      trainable,
      optimizer: adamw({ weightDecay: 0.01 }),
      clipNorm: 5,
    },
    task.runtime,
  )
  const forward = await compileForward(graph, trainable, task.runtime)
  const examples = imageExamples(images, augmentation)
  const classWeights = balancedWeights(task.labels, classes)
  return {
    epochs,
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
          input: pixelsInput,
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
      return { graph: withParameters(graph, parameters), curve }
    },
    async release() {
      await step.release()
      await forward.release()
    },
  }
}

const leastEpochs = 3
const mostEpochs = 20

/** As many epochs as the budget pays for; throws `unsupported` where that is too few to be worth it. */
async function tuningEpochs(task: Task, network: Graph): Promise<number> {
  const epochs = affordableEpochs(task, {
    perImage: await costOf(task, network),
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

/** Thaws everything in every fold and trains on from the fold's output layer. */
export async function* tuneFolds(
  task: Task,
  tuner: Tuner,
  heads: readonly Head[],
): AsyncGenerator<
  StrategyEvent,
  { readonly accuracy: number; readonly folds: readonly FoldResult[] }
> {
  const folds: FoldResult[] = []
  for (const [index, { train: rows, validation }] of task.folds.entries()) {
    const phase = `transfer, all layers thawed, fold ${index + 1} of ${task.folds.length}`
    const measured = async function* (): AsyncGenerator<StrategyEvent, FoldResult> {
      const start = performance.now()
      const random = task.random.fork(`thawed fold ${index}`)
      const { curve } = yield* tuner.fit(phase, heads[index] as Head, rows, validation, random)
      const seconds = (performance.now() - start) / 1000
      return { fold: index, accuracy: curve.at(-1)?.validationAccuracy ?? 0, seconds, curve }
    }
    folds.push(yield* remember(task.checkpoints, `transfer-thawed-fold-${index}`, measured))
  }
  return { accuracy: mean(folds.map(({ accuracy }) => accuracy)), folds }
}
