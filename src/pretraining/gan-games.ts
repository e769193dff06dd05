import { augment } from '../data/augment.ts'
import { bytesPerImage } from '../data/pixels.ts'
import type { GraphBuilder } from '../graph/builder.ts'
import { float32, type Tensor, type TensorType } from '../graph/tensor.ts'
import { dense, type Network, sequential, type Value } from '../nn/layers.ts'
import type { Random } from '../random.ts'
import type { LossOfItsOwn, ScaledLoss } from '../training/adversary.ts'
import { gentleAugmentation, toVector } from './classification.ts'
import { corruptions } from './corruption.ts'
import { labelledOf } from './labelled.ts'
import type { PretrainingOptions } from './method.ts'
import { inputDims, pixelFeed, pixelInput } from './networks.ts'

/** What the generator and the discriminator play for. */
export type Game = {
  /** What a step takes beside the latent variables. */
  readonly inputs: Readonly<Record<string, TensorType>>
  /**
   * Writes the discriminator over the given images and the made ones.
   *
   * @returns the names of the outputs after the made images: first the loss of each image, [N], then what `adversary` needs
   */
  write(network: Network, given: Value, made: Value): readonly [loss: string, more: string]
  /** How the generator's loss follows, from the names of the outputs. */
  adversary(names: { readonly made: string; readonly more: string }): ScaledLoss | LossOfItsOwn
  feeds(pixels: Uint8Array, draws: Random): Readonly<Record<string, Tensor>>
}

/** What real images are moved by. */
export const nudgeInput = 'graft.nudge'
/** How far real images are moved to measure how steep the scores are there, and what that costs. */
const nudge = 0.1
const steepness = 1
/** Scores below this differ in nothing that float32 could tell. */
const lowestScore = -30

/**
 * The non-saturating loss with R1: softplus(-D(x)) + softplus(D(G(z))) for the discriminator, softplus(-D(G(z))) for the generator. As no image
 * sees another's score, the gradient of the latter at an image is that of the former times -exp(-D).
 */
async function nonSaturating(options: PretrainingOptions, count: number): Promise<Game> {
  const { architecture, random } = options
  const { trunk, size } = architecture
  const [channels, height, width] = inputDims(size)
  const nudges = corruptions(size, { noise: nudge, masked: 0, patch: 1 }, random.fork('nudges'))
  return {
    inputs: {
      ...pixelInput(count, size),
      [nudgeInput]: { type: 'float32', dims: [count, channels, height, width] },
    },
    write(network, real, made) {
      const { builder } = network
      builder.input(nudgeInput, 'float32', [count, channels, height, width])
      const moved = builder.op('Add', [real.name, nudgeInput])
      const all = builder.op('Concat', [real.name, moved, made.name], { axis: 0 })
      const features = sequential(trunk)(network, { ...real, name: all }, '')
      const scores = dense(1)(network, toVector(network, features, 'pool'), 'answer')
      const flat = builder.op('Reshape', [scores.name, builder.int64s([-1])])
      const [ofReal, ofMoved, ofMade] = builder.ops(
        'Split',
        [flat, builder.int64s([count, count, count])],
        { axis: 0 },
        3,
      ) as [string, string, string]
      const slope = builder.op('Mul', [
        builder.op('Sub', [ofMoved, ofReal]),
        builder.scalar(1 / nudge),
      ])
      const steep = builder.op('Mul', [
        builder.op('Mul', [slope, slope]),
        builder.scalar(steepness / 2),
      ])
      const missed = builder.op('Softplus', [builder.op('Neg', [ofReal])])
      const fooled = builder.op('Softplus', [ofMade])
      return [builder.op('Sum', [missed, fooled, steep]), ofMade]
    },
    adversary: ({ made, more }) => ({ value: made, scores: more, factor: ratioOfLosses }),
    feeds: (pixels, draws) => ({
      ...pixelFeed(pixels, count, size),
      [nudgeInput]: nudges(count, draws).noise,
    }),
  }
}

/** The slope of softplus(-D) over that of softplus(D), for each image. */
function ratioOfLosses(builder: GraphBuilder, scores: string): string {
  const bounded = builder.op('Max', [scores, builder.scalar(lowestScore)])
  const ratio = builder.op('Neg', [builder.op('Exp', [builder.op('Neg', [bounded])])])
  return builder.op('Reshape', [ratio, builder.int64s([-1, 1, 1, 1])])
}

/**
 * Labels at once (Salimans et al., 2016): the discriminator tells real classes apart, and the log of their summed exponentials is its score for real;
 * the generator matches the mean features of real images.
 */
async function matching(options: PretrainingOptions, count: number): Promise<Game> {
  const { architecture } = options
  const { trunk, size } = architecture
  const known = labelledOf(options, 'gan')
  const { classes } = known
  const all = Array.from({ length: known.images.count }, (_, index) => index)
  // Few are labelled: they fit in memory.
  const taught = await known.images.read(all)
  const row = bytesPerImage(size)
  const recipe = gentleAugmentation(size)
  const classesInput = 'graft.classes'
  return {
    inputs: {
      ...pixelInput(2 * count, size),
      [classesInput]: { type: 'float32', dims: [count, classes] },
    },
    write(network, given, made) {
      const { builder } = network
      builder.input(classesInput, 'float32', [count, classes])
      const both = builder.op('Concat', [given.name, made.name], { axis: 0 })
      const parts = builder.int64s([count, count, count])
      const inThree = (value: string) =>
        builder.ops('Split', [value, parts], { axis: 0 }, 3) as [string, string, string]
      const features = toVector(
        network,
        sequential(trunk)(network, { ...given, name: both }, ''),
        'pool',
      )
      const [ofReal, , ofMade] = inThree(features.name)
      const scores = dense(classes)(network, features, 'answer')
      const [real, labelled, fake] = inThree(scores.name)
      const logSum = (value: string) =>
        builder.op('ReduceLogSumExp', [value, builder.int64s([1])], { keepdims: 0 })
      const own = builder.op(
        'ReduceSum',
        [builder.op('Mul', [labelled, classesInput]), builder.int64s([1])],
        { keepdims: 0 },
      )
      const wrong = builder.op('Sub', [logSum(labelled), own])
      const missed = builder.op('Softplus', [builder.op('Neg', [logSum(real)])])
      const fooled = builder.op('Softplus', [logSum(fake)])
      const mean = (value: string) =>
        builder.op('ReduceMean', [value, builder.int64s([0])], { keepdims: 0 })
      const apart = builder.op('Sub', [mean(ofReal), mean(ofMade)])
      const distance = builder.op('ReduceMean', [builder.op('Mul', [apart, apart])], {
        keepdims: 0,
      })
      return [builder.op('Sum', [wrong, missed, fooled]), distance]
    },
    adversary: ({ more }) => ({ loss: more }),
    feeds(pixels, draws) {
      const given = new Uint8Array(2 * pixels.length)
      const answers = new Float32Array(count * classes)
      given.set(pixels)
      for (let i = 0; i < count; i++) {
        const one = draws.integer(all.length)
        given.set(taught.subarray(one * row, (one + 1) * row), pixels.length + i * row)
        answers[i * classes + (known.labels[one] as number)] = 1
      }
      const part = given.subarray(pixels.length)
      part.set(augment(part, size, recipe, draws))
      return {
        ...pixelFeed(given, 2 * count, size),
        [classesInput]: float32([count, classes], answers),
      }
    },
  }
}

export const games = { nonsaturating: nonSaturating, matching } as const
