import { type AugmentationRecipe, augmentationFor, noAugmentation } from '../data/augment.ts'
import type { Size } from '../data/pixels.ts'
import { countMultiplyAdds } from '../graph/cost.ts'
import type { Graph } from '../graph/graph.ts'
import { inputName, type Layers, resnet, resnetTrunk, vgg, vggTrunk } from '../nn/architectures.ts'
import { crossEntropy } from '../nn/losses.ts'
import { adamw } from '../nn/optimizers.ts'
import { oneCycle } from '../nn/schedules.ts'
import type { Random } from '../random.ts'
import { inferTypes } from '../runtime/types.ts'
import { balancedWeights } from './class-weights.ts'
import { imageExamples } from './examples.ts'
import { compileForward, withParameters } from './forward.ts'
import { train, trainableParameters } from './loop.ts'
import { halfNormalization, pixelsInput, takePixels } from './normalization.ts'
import { compileStep } from './step.ts'
import {
  affordableEpochs,
  type FoldResult,
  inPhase,
  remember,
  type Strategy,
  type StrategyEvent,
  type Task,
} from './task.ts'

const batchSize = 32
const learningRate = 2e-3
/** More passes over few images do not help: this bounds the steps of one training run. */
const mostSteps = 1500

/** A network of our own for images of some size. */
export type Design = {
  readonly name: string
  readonly size: Size
  /** Its layers below the head, which pretraining begins with. */
  readonly trunk: Layers
  build(classes: number, random: Random): Graph
}

/** Small images keep their size and get a plain network; larger ones become 64 pixels and get a residual network. */
export function designFor({ height, width, channels }: Size): Design {
  if (Math.max(height, width) <= 36) {
    return {
      name: 'vgg',
      size: { height, width, channels },
      trunk: vggTrunk(),
      build: (classes, random) => vgg([channels, height, width], { classes }, random),
    }
  }
  return {
    name: 'resnet',
    size: { height: 64, width: 64, channels },
    trunk: resnetTrunk({ stemStride: 2 }),
    build: (classes, random) => resnet([channels, 64, 64], { classes, stemStride: 2 }, random),
  }
}

/** How photographs are changed. */
const augmentation: AugmentationRecipe = {
  ...noAugmentation,
  crop: 0.5,
  flip: true,
  brightness: 0.2,
  contrast: 0.2,
}

/** A network for the image size, all layers trained from random values: what the other strategies have to beat. */
export const scratch: Strategy = {
  name: 'scratch',
  unavailable: null,
  async *run(task) {
    const design = designFor(task.nativeSize)
    const { size } = design
    const images = yield* task.images(size)
    const normalization = halfNormalization(size.channels)
    const network = (random: Random) =>
      takePixels(
        design.build(task.classes.length, random),
        { input: inputName, layout: 'NCHW', ...size },
        normalization,
      )
    const epochs = await epochsFor(task, network(task.random))
    const recipe = augmentationFor(size, augmentation)
    const classWeights = balancedWeights(task.labels, task.classes.length)

    const fitted = async function* (
      phase: string,
      random: Random,
      indices: readonly number[],
      validation: readonly number[],
    ) {
      const graph = network(random.fork('parameters'))
      const trainable = trainableParameters(graph)
      const dims = [batchSize, size.height, size.width, size.channels]
      const step = await compileStep(
        {
          graph,
          loss: crossEntropy({ smoothing: 0.1 }),
          inputs: { [pixelsInput]: { type: 'uint8', dims } },
          trainable,
          optimizer: adamw({ weightDecay: 0.05 }),
          clipNorm: 5,
          batchStatistics: true,
        },
        task.runtime,
      )
      const forward = await compileForward(graph, [...step.parameters().keys()], task.runtime)
      try {
        const trained = yield* inPhase(
          phase,
          train({
            step,
            input: pixelsInput,
            examples: imageExamples(images, recipe),
            labels: task.labels,
            train: indices,
            batchSize,
            epochs,
            learningRate,
            schedule: oneCycle(),
            classWeights,
            random,
            validation: { indices: validation, forward },
          }),
        )
        return { graph: withParameters(graph, trained.parameters), curve: trained.curve }
      } finally {
        await step.release()
        await forward.release()
      }
    }

    const folds: FoldResult[] = []
    for (const [index, fold] of task.folds.entries()) {
      const phase = `scratch, fold ${index + 1} of ${task.folds.length}`
      folds.push(
        yield* remember(
          task.checkpoints,
          `scratch-fold-${index}`,
          async function* (): AsyncGenerator<StrategyEvent, FoldResult> {
            const start = performance.now()
            const random = task.random.fork(`scratch fold ${index}`)
            const { curve } = yield* fitted(phase, random, fold.train, fold.validation)
            return {
              fold: index,
              accuracy: curve.at(-1)?.validationAccuracy ?? 0,
              seconds: (performance.now() - start) / 1000,
              curve,
            }
          },
        ),
      )
    }

    return {
      folds,
      reusedUpTo: null,
      thawedFrom: null,
      async *train() {
        const all = Array.from(task.labels, (_, index) => index)
        const { graph } = yield* fitted('scratch, all labels', task.random.fork('scratch'), all, [])
        return {
          graph,
          size,
          provenance: {
            strategy: 'scratch',
            architecture: design.name,
            normalization: normalization.name,
          },
        }
      },
    }
  },
}

async function epochsFor(task: Task, graph: Graph): Promise<number> {
  const input = graph.inputs[0]?.dims.slice(1) as number[]
  const { types } = await inferTypes(
    graph,
    { [pixelsInput]: { type: 'uint8', dims: [1, ...input] } },
    task.runtime,
  )
  const images = task.labels.length
  const stepsPerEpoch = Math.ceil(images / batchSize)
  const affordable = affordableEpochs(task, {
    perImage: countMultiplyAdds(graph, types),
    images,
    runs: task.folds.length + 1,
  })
  const most = Math.min(Math.ceil(mostSteps / stepsPerEpoch), 120)
  return Math.max(Math.round(Math.min(affordable, most)), 3)
}
