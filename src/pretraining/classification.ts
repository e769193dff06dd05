import type { AugmentationRecipe } from '../data/augment.ts'
import type { ImageStream } from '../data/image-stream.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { dense, globalAveragePool, type Layer, sequential } from '../nn/layers.ts'
import { crossEntropy, targetsInput, weightsInput } from '../nn/losses.ts'
import { adamw } from '../nn/optimizers.ts'
import type { Random } from '../random.ts'
import { trainableParameters } from '../training/loop.ts'
import { pixelsInput } from '../training/normalization.ts'
import type { StrategyEvent } from '../training/task.ts'
import type { Architecture, Pretrained, PretrainingOptions } from './method.ts'
import { batchSizeFor, pixelFeed, pixelNetwork, pretrainedFrom } from './networks.ts'
import { type Plan, type PlanBatch, runPlan } from './plan.ts'

/** A task whose answers are classes that cost nothing. */
export type ClassificationTask = {
  readonly name: string
  readonly classes: number
  readonly images: ImageStream
  /** The images of a step as the network sees them, and the class of each. */
  pose(
    batch: PlanBatch,
    draws: Random,
  ): { readonly pixels: Uint8Array; readonly labels: ArrayLike<number> }
  readonly watch?: Plan['watch']
}

const learningRate = 1e-3

/** One vector of features for each image, whatever a trunk ends in. */
export const toVector: Layer = (network, x, path) =>
  x.dims.length === 1 ? x : globalAveragePool()(network, x, path)

/** Trains the trunk with an output layer that answers the task. */
export async function* classify(
  task: ClassificationTask,
  options: PretrainingOptions,
): AsyncGenerator<StrategyEvent, Pretrained> {
  const { architecture, random } = options
  const own = { ...options, images: task.images }
  const batchSize = batchSizeFor(own)
  const graph = classifier(architecture, task.classes, random)
  const weights = float32([batchSize], new Float32Array(batchSize).fill(1))
  const learned = yield* runPlan(
    {
      step: {
        graph,
        loss: crossEntropy(),
        inputs: { [pixelsInput]: { type: 'uint8', dims: pixelDims(batchSize, architecture) } },
        trainable: trainableParameters(graph),
        optimizer: adamw({ weightDecay: 0.01 }),
        clipNorm: 5,
        batchStatistics: true,
      },
      batchSize,
      learningRate,
      feeds(batch, draws) {
        const { pixels, labels } = task.pose(batch, draws)
        const targets: Tensor = {
          type: 'int64',
          dims: [batchSize],
          data: BigInt64Array.from({ length: batchSize }, (_, i) => BigInt(labels[i] as number)),
        }
        return {
          ...pixelFeed(pixels, batchSize, architecture.size),
          [targetsInput]: targets,
          [weightsInput]: weights,
        }
      },
      ...(task.watch && { watch: task.watch }),
    },
    own,
    task.name,
    task.name,
  )
  return pretrainedFrom(options, learned)
}

export function pixelDims(batchSize: number, { size }: Architecture): readonly number[] {
  return [batchSize, size.height, size.width, size.channels]
}

function classifier({ trunk, size }: Architecture, classes: number, random: Random): Graph {
  return pixelNetwork(size, random, (network, x) => {
    const features = toVector(network, sequential(trunk)(network, x, ''), 'pool')
    return [dense(classes)(network, features, 'answer').name]
  })
}

/** Digits and clothes must not be mirrored, photographs may: grey images are taken for the former. */
export function gentleAugmentation(channels: number): AugmentationRecipe {
  const photograph = channels === 3
  return {
    crop: 0,
    flip: photograph,
    shift: 0.08,
    brightness: photograph ? 0.2 : 0,
    contrast: photograph ? 0.2 : 0,
    saturation: 0,
  }
}
