import type { Size } from '../data/pixels.ts'
import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { type InputDims, inputName, type Layers, network } from '../nn/architectures.ts'
import type { Network, Value } from '../nn/layers.ts'
import { targetsInput, weightsInput } from '../nn/losses.ts'
import type { Random } from '../random.ts'
import { withParameters } from '../training/forward.ts'
import { halfNormalization, pixelsInput, takePixels } from '../training/normalization.ts'
import type { Architecture, Pictures, Pretrained, PretrainingOptions } from './method.ts'
import type { PlanResult } from './plan.ts'

/** The input of a network for images of a size, without the batch. */
export const inputDims = ({ channels, height, width }: Size): InputDims => [channels, height, width]

/** A network from raw pixels on; `write` adds to it from the pixels between -1 and 1, [N, C, H, W], and says what comes out. */
export function pixelNetwork(
  size: Size,
  random: Random,
  write: (network: Network, x: Value) => readonly string[],
): Graph {
  const builder = createBuilder('pretraining')
  const dims = inputDims(size)
  const x = { name: builder.input(inputName, 'float32', ['N', ...dims]), dims }
  for (const name of write({ builder, random }, x)) builder.output(name)
  return fromPixels(builder.build(), size)
}

function fromPixels(graph: Graph, size: Size): Graph {
  const { height, width, channels } = size
  const image = { input: inputName, layout: 'NCHW', height, width, channels } as const
  return takePixels(graph, image, halfNormalization(channels))
}

/** The trunk from raw pixels to features, with the values that were learned. */
export function backboneOf(
  { trunk, size }: Architecture,
  parameters: ReadonlyMap<string, Tensor>,
  random: Random,
): Graph {
  const graph = fromPixels(network(trunk, inputDims(size), random, 'features'), size)
  const own = [...parameters].filter(([name]) => graph.initializers.has(name))
  return withParameters(graph, new Map(own))
}

/** What a method returns for a trunk that was trained by one plan. */
export function pretrainedFrom(
  { architecture, random, epochs }: PretrainingOptions,
  { parameters, losses }: PlanResult,
  pictures: Pictures | null = null,
): Pretrained {
  return {
    graph: backboneOf(architecture, parameters, random),
    epochs,
    loss: { first: losses[0] as number, last: losses.at(-1) as number },
    pictures,
  }
}

/** The dimensions that each layer of a trunk gives, without the batch. */
export function dimsOfLayers(
  trunk: Layers,
  size: Size,
  random: Random,
): ReadonlyMap<string, readonly number[]> {
  const builder = createBuilder('dims')
  const dims = inputDims(size)
  let value: Value = { name: builder.input(inputName, 'float32', ['N', ...dims]), dims }
  return new Map(
    Object.entries(trunk).map(([name, layer]) => {
      value = layer({ builder, random }, value, name)
      return [name, value.dims]
    }),
  )
}

/** The pixels of a batch as a step is compiled for them. */
export function pixelInput(count: number, { height, width, channels }: Size) {
  return { [pixelsInput]: { type: 'uint8', dims: [count, height, width, channels] } } as const
}

/** The pixels of a batch as a step takes them. */
export function pixelFeed(pixels: Uint8Array, count: number, size: Size) {
  return { [pixelsInput]: { ...pixelInput(count, size)[pixelsInput], data: pixels } } as const
}

/** What `ownLoss` is fed for an output of some rows. */
export function ownLossFeeds(rows: number): Readonly<Record<string, Tensor>> {
  return {
    [targetsInput]: float32([1], [0]),
    [weightsInput]: float32([rows], new Float32Array(rows).fill(1)),
  }
}

/** The steps that an epoch has at least, where images are many enough for batches of `smallBatch`. */
const leastSteps = 8
const smallBatch = 16

/** As many images as are usual for a step, or fewer where they are few: it takes many steps to learn. */
export function batchSizeFor({ images }: Pick<PretrainingOptions, 'images'>, usual = 128): number {
  const few = Math.max(Math.floor(images.count / leastSteps), smallBatch)
  return Math.min(usual, few, images.count)
}
