import type { Graph } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import { dropout, type Network, sequential } from '../nn/layers.ts'
import { ownLoss } from '../nn/losses.ts'
import { adamw } from '../nn/optimizers.ts'
import { withParameters } from '../training/forward.ts'
import { trainableParameters } from '../training/loop.ts'
import { isBatchNormalization, layerName } from '../training/normalization-layers.ts'
import { type Corruption, corruptions, maskInput, noiseInput } from './corruption.ts'
import { decoderFor } from './decoder.ts'
import type { Architecture, PretrainingMethod, PretrainingOptions } from './method.ts'
import {
  backboneOf,
  batchSizeFor,
  dimsOfLayers,
  inputDims,
  ownLossFeeds,
  pixelFeed,
  pixelInput,
  pixelNetwork,
} from './networks.ts'
import { type Plan, runPlan } from './plan.ts'
import { reconstruct } from './reconstruct.ts'

type Recipe = {
  readonly corruption: Corruption
  /** Whether only what was masked has to be mended. */
  readonly maskedOnly: boolean
  /** Whether layers are trained one after the other, each on what those below it give. */
  readonly greedy: boolean
}

const noisy: Corruption = { noise: 0.3, masked: 0.2, patch: 1 }
const variants: Readonly<Record<string, Recipe>> = {
  denoising: { corruption: noisy, maskedOnly: false, greedy: false },
  stacked: { corruption: noisy, maskedOnly: false, greedy: true },
  patches: { corruption: { noise: 0, masked: 0.5, patch: 4 }, maskedOnly: true, greedy: false },
}

const learningRate = 5e-4
const decoderPath = 'decoder'
/** The share of the values below a layer that a stacked autoencoder's layer has to do without. */
const maskedBelow = 0.2

/**
 * A convolutional autoencoder, or a dense one with tied weights, that mends spoiled images: by Gaussian and masking noise (`denoising`; Vincent et al.,
 * 2008), layer by layer (`stacked`; Bengio et al., 2006; Vincent et al., 2010), or with patches missing that count alone (`patches`; in the
 * spirit of He et al., 2022). What it loses is the mean squared error of pixels between -1 and 1.
 */
export const autoencoder: PretrainingMethod = {
  name: 'autoencoder',
  variants: ['denoising', 'stacked', 'patches'],
  epochs: 10,
  passes: 2,
  needs: null,
  async *pretrain(options) {
    const { architecture, random, variant = 'denoising' } = options
    const recipe = variants[variant] as Recipe
    const layers = Object.keys(architecture.trunk)
    const dims = dimsOfLayers(architecture.trunk, architecture.size, random)
    // What only rearranges values has nothing to learn: it goes with the layer above it.
    const ends = recipe.greedy ? endsOfLearners(architecture, options) : [layers.length]
    let learned: ReadonlyMap<string, Tensor> = new Map()
    let last: ReadonlyMap<string, Tensor> = new Map()
    let graph: Graph | null = null
    const losses: number[] = []
    for (const [index, end] of ends.entries()) {
      const start = recipe.greedy ? (ends[index - 1] ?? 0) : 0
      const stage: Stage = { start, end, dims, learned }
      const phase = recipe.greedy
        ? `autoencoder, layer ${index + 1} of ${ends.length}`
        : 'autoencoder'
      const plan = planOf(recipe, stage, options)
      graph = plan.step.graph
      const result = yield* runPlan(plan, options, phase, `autoencoder-${index}`)
      last = result.parameters
      // The decoder of a layer is of no use above it.
      const own = [...last].filter(([name]) => !name.startsWith(`${decoderPath}.`))
      learned = new Map([...learned, ...own])
      losses.push(...result.losses)
    }
    const trained = withParameters(graph as Graph, last)
    const isImage = ends.length === 1
    return {
      graph: backboneOf(architecture, learned, random),
      epochs: options.epochs,
      loss: { first: losses[0] as number, last: losses.at(-1) as number },
      pictures: isImage ? await reconstruct(trained, recipe.corruption, options) : null,
    }
  },
}

/** How the `denoising` variant trains all layers at once. */
export function denoisingPlan(options: PretrainingOptions): Plan {
  const { trunk, size } = options.architecture
  const dims = dimsOfLayers(trunk, size, options.random)
  const end = Object.keys(trunk).length
  return planOf(variants.denoising as Recipe, { start: 0, end, dims, learned: new Map() }, options)
}

/** The part of a trunk that is trained: the layers from `start` to before `end`; those below are frozen as they were learned. */
type Stage = {
  readonly start: number
  readonly end: number
  readonly dims: ReadonlyMap<string, readonly number[]>
  readonly learned: ReadonlyMap<string, Tensor>
}

/** After which layers there is something to learn, as counts of layers. */
function endsOfLearners({ trunk, size }: Architecture, { random }: PretrainingOptions): number[] {
  const names = Object.keys(trunk)
  const graph = pixelNetwork(size, random, (network, x) => [sequential(trunk)(network, x, '').name])
  const learners = names.filter((name) =>
    trainableParameters(graph).some((parameter) => parameter.startsWith(`${name}.`)),
  )
  return learners.map((name, index) =>
    index === learners.length - 1 ? names.length : names.indexOf(name) + 1,
  )
}

/** From pixels, noise and masks to the loss of each image; the further outputs are what was spoiled and what was made of it. */
function autoencoderNetwork(
  { trunk, size }: Architecture,
  { maskedOnly }: Recipe,
  { start, end, dims, learned }: Stage,
  { random }: PretrainingOptions,
): Graph {
  const entries = Object.entries(trunk)
  const graph = pixelNetwork(size, random, (network, x) => {
    const { builder } = network
    const [channels, height, width] = inputDims(size)
    const noise = builder.input(noiseInput, 'float32', ['N', channels, height, width])
    const mask = builder.input(maskInput, 'float32', ['N', 1, height, width])
    const spoiled =
      start === 0 ? builder.op('Mul', [builder.op('Add', [x.name, noise]), mask]) : x.name
    const below = Object.fromEntries(entries.slice(0, start))
    const wanted = start === 0 ? x : sequential(below)(network, x, '')
    const given =
      start === 0 ? { ...x, name: spoiled } : dropout(maskedBelow)(network, wanted, 'masking')
    const own = Object.fromEntries(entries.slice(start, end))
    const before = network.builder.build().initializers.size
    const code = sequential(own)(network, given, '')
    const weights = [...builder.build().initializers].slice(before)
    const decoder = decoderFor(code, wanted, Object.keys(own), dims, weights)
    const mended = decoder(network, code, decoderPath)
    const difference = builder.op('Sub', [mended.name, wanted.name])
    const square = builder.op('Mul', [difference, difference])
    return [meanOf(network, square, maskedOnly ? mask : null), spoiled, mended.name]
  })
  return withParameters(graph, learned)
}

/** The mean over all but the batch, [N]; with a mask, over what is masked. */
function meanOf({ builder }: Network, value: string, mask: string | null): string {
  const one = builder.int64s([1])
  if (mask === null)
    return builder.op('ReduceMean', [builder.op('Flatten', [value]), one], { keepdims: 0 })
  const hidden = builder.op('Sub', [builder.scalar(1), mask])
  const sum = (of: string) =>
    builder.op('ReduceSum', [builder.op('Flatten', [of]), one], { keepdims: 0 })
  // The mean over channels first: the mask has one.
  const perPixel = builder.op('ReduceMean', [value, one], { keepdims: 1 })
  const counted = builder.op('Max', [sum(hidden), builder.scalar(1)])
  return builder.op('Div', [sum(builder.op('Mul', [perPixel, hidden])), counted])
}

function planOf(recipe: Recipe, stage: Stage, options: PretrainingOptions): Plan {
  const { corruption } = recipe
  const { start, learned } = stage
  const { architecture, random } = options
  const { size } = architecture
  const graph = autoencoderNetwork(architecture, recipe, stage, options)
  const { height, width, channels } = size
  const batchSize = batchSizeFor(options)
  const spoil = corruptions(size, corruption, random.fork('noise'))
  const frozen = new Set(learned.keys())
  const trainable = trainableParameters(graph).filter((name) => !frozen.has(name))
  const inTraining = graph.nodes.filter(
    (node) => isBatchNormalization(node) && !frozen.has(node.inputs[1] as string),
  )
  const spoiled = start === 0
  return {
    step: {
      graph,
      loss: ownLoss,
      inputs: {
        ...pixelInput(batchSize, size),
        [noiseInput]: { type: 'float32', dims: [batchSize, channels, height, width] },
        [maskInput]: { type: 'float32', dims: [batchSize, 1, height, width] },
      },
      trainable,
      optimizer: adamw({ weightDecay: 0.01 }),
      clipNorm: 1,
      batchStatistics: new Set(inTraining.map(layerName)),
    },
    batchSize,
    learningRate,
    feeds({ pixels }, draws) {
      const { noise, mask } = spoiled ? spoil(batchSize, draws) : { noise: null, mask: null }
      return {
        ...pixelFeed(pixels, batchSize, size),
        ...ownLossFeeds(batchSize),
        ...(noise && { [noiseInput]: noise }),
        ...(mask && { [maskInput]: mask }),
      }
    },
  }
}
