import {
  type AugmentationRecipe,
  augment,
  augmentationFor,
  noAugmentation,
} from '../data/augment.ts'
import { type ImageStream, subsetOf } from '../data/image-stream.ts'
import { bytesPerImage, type Size } from '../data/pixels.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { dense, globalAveragePool, type Layer, sequential } from '../nn/layers.ts'
import { crossEntropy, targetsInput, weightsInput } from '../nn/losses.ts'
import type { Random } from '../random.ts'
import type { StrategyEvent } from '../training/task.ts'
import type { Architecture, Pretrained, PretrainingOptions } from './method.ts'
import { batchSizeFor, pixelFeed, pixelInput, pixelNetwork, pretrainedFrom } from './networks.ts'
import { type PlanBatch, runPlan, wholeRate, wholeStep } from './plan.ts'

/** A task whose answers are classes that cost nothing. */
type ClassificationTask = {
  readonly name: string
  readonly classes: number
  readonly images: ImageStream
  /** The images of a step as the network sees them, and the class of each. */
  pose(
    batch: PlanBatch,
    draws: Random,
  ): { readonly pixels: Uint8Array; readonly labels: ArrayLike<number> }
}

/** One vector of features for each image, whatever a trunk ends in. */
export const toVector: Layer = (network, x, path) =>
  x.dims.length === 1 ? x : globalAveragePool()(network, x, path)

/** Trains the trunk with an output layer that answers the task. */
async function* classify(
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
        ...wholeStep(graph),
        loss: crossEntropy(),
        inputs: pixelInput(batchSize, architecture.size),
      },
      batchSize,
      learningRate: wholeRate,
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
    },
    own,
    task.name,
    task.name,
  )
  return pretrainedFrom(options, learned)
}

/**
 * Trains the trunk to tell what was done to each image: one of some changes, drawn anew each time.
 *
 * @param change writes an image, changed in the way of that number, to `to`
 */
export function classifyChanges(
  name: string,
  changes: number,
  change: (from: Uint8Array, to: Uint8Array, which: number, draws: Random) => void,
  options: PretrainingOptions,
): AsyncGenerator<StrategyEvent, Pretrained> {
  const { size } = options.architecture
  const recipe = gentleAugmentation(size)
  const row = bytesPerImage(size)
  const pose: ClassificationTask['pose'] = ({ pixels, indices }, draws) => {
    const varied = augment(pixels, size, recipe, draws)
    const changed = new Uint8Array(pixels.length)
    const labels = Array.from(indices, () => draws.integer(changes))
    for (const [i, label] of labels.entries()) {
      const [from, to] = [i * row, (i + 1) * row]
      change(varied.subarray(from, to), changed.subarray(from, to), label, draws)
    }
    return { pixels: changed, labels }
  }
  return classify({ name, classes: changes, images: options.images, pose }, options)
}

/**
 * Trains the trunk to tell given classes of some images apart.
 *
 * @param indices the images that have one, in the stream
 * @param labels the class of each of these
 */
export function classifyLabels(
  name: string,
  classes: number,
  { indices, labels }: { readonly indices: readonly number[]; readonly labels: readonly number[] },
  options: PretrainingOptions,
): AsyncGenerator<StrategyEvent, Pretrained> {
  const { size } = options.architecture
  const recipe = gentleAugmentation(size)
  const pose: ClassificationTask['pose'] = (batch, draws) => ({
    pixels: augment(batch.pixels, size, recipe, draws),
    labels: Array.from(batch.indices, (index) => labels[index] as number),
  })
  return classify({ name, classes, images: subsetOf(options.images, indices), pose }, options)
}

function classifier({ trunk, size }: Architecture, classes: number, random: Random): Graph {
  return pixelNetwork(size, random, (network, x) => {
    const features = toVector(network, sequential(trunk)(network, x, ''), 'pool')
    return [dense(classes)(network, features, 'answer').name]
  })
}

/** Changes that leave an image what it is, and its edges where they are. */
export const gentleAugmentation = (size: Size): AugmentationRecipe =>
  augmentationFor(size, {
    ...noAugmentation,
    flip: true,
    shift: 0.08,
    brightness: 0.2,
    contrast: 0.2,
  })
