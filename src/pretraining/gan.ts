import { imageDecoder } from '../nn/decoders.ts'
import { activations, type Network, sequential, type Value } from '../nn/layers.ts'
import { ownLoss } from '../nn/losses.ts'
import { adam } from '../nn/optimizers.ts'
import { constantRate } from '../nn/schedules.ts'
import { trainableParameters } from '../training/loop.ts'
import { games } from './gan-games.ts'
import { ganMonitor, latentInput, latentSize, latents } from './gan-monitor.ts'
import type { PretrainingMethod, PretrainingOptions } from './method.ts'
import { batchSizeFor, inputDims, ownLossFeeds, pixelNetwork, pretrainedFrom } from './networks.ts'
import { type Plan, runPlan } from './plan.ts'

/** Of the discriminator; the generator learns at half of it: both have rates of their own (Heusel et al., 2017). */
const learningRate = 4e-4
const generatorRate = 0.5
/** Filters of the map that the generator begins with, a quarter as high and wide as the images. */
const firstFilters = 64
/** What each step leaves of the moving average, with which samples are made. */
const averaged = 0.99

/**
 * A generator against a discriminator whose trunk is the architecture (Goodfellow et al., 2014; Radford et al., 2016, keep its lower layers). Both update in
 * one step. Real images may not be where scores are steep (R1; Mescheder et al., 2018): the slope is taken along a random direction, by
 * the difference to a moved image (Lin et al., 2025). Batch normalizations of the trunk keep their first statistics, which change nothing.
 *
 * With `matching` the discriminator learns from labels at once (Salimans et al., 2016).
 *
 * @throws GraftError `bad-input` where the generator collapses or the discriminator saturates
 */
export const gan: PretrainingMethod = {
  name: 'gan',
  variants: ['nonsaturating', 'matching'],
  semiSupervised: ['matching'],
  epochs: 20,
  passes: 4,
  isGame: true,
  needs: null,
  async *pretrain(options) {
    const { plan, made } = await ganPlan(options)
    const monitor = await ganMonitor(options, plan.step.graph, made)
    try {
      const learned = yield* runPlan({ ...plan, watch: monitor.watch }, options, 'gan', 'gan')
      return pretrainedFrom(options, learned, await monitor.sheets())
    } finally {
      await monitor.release()
    }
  },
}

/** How both networks learn in one step, and the name of the images that the generator makes. */
export async function ganPlan(
  options: PretrainingOptions,
): Promise<{ readonly plan: Plan; readonly made: string }> {
  const { architecture, random, variant = 'nonsaturating' } = options
  const { size } = architecture
  const batchSize = batchSizeFor(options, 64)
  const game = await games[variant as keyof typeof games](options, batchSize)
  const graph = pixelNetwork(size, random, (network, given) => {
    const made = generate(network, inputDims(size))
    const [loss, more] = game.write(network, given, made)
    return [loss, made.name, more]
  })
  const [, made = '', more = ''] = graph.outputs.map(({ name }) => name)
  const trainable = trainableParameters(graph)
  const opposed = trainable.filter((name) => name.startsWith('generator.'))
  const plan: Plan = {
    step: {
      graph,
      loss: ownLoss,
      inputs: {
        ...game.inputs,
        [latentInput]: { type: 'float32', dims: [batchSize, latentSize] },
      },
      trainable,
      optimizer: adam({ beta1: 0.5, beta2: 0.99 }),
      multipliers: new Map(opposed.map((name) => [name, generatorRate])),
      averaging: { decay: averaged },
      batchStatistics: false,
      adversary: { trainable: opposed, ...game.adversary({ made, more }) },
    },
    batchSize,
    learningRate,
    schedule: constantRate,
    feeds: ({ pixels }, draws) => ({
      ...ownLossFeeds(batchSize),
      [latentInput]: latents(batchSize, draws),
      ...game.feeds(pixels, draws),
    }),
  }
  return { plan, made }
}

/** Images between -1 and 1 from latent variables. */
function generate(network: Network, image: readonly [number, number, number]): Value {
  const [, height, width] = image
  const latent = network.builder.input(latentInput, 'float32', ['N', latentSize])
  const map = [firstFilters, Math.ceil(height / 4), Math.ceil(width / 4)] as const
  const layers = imageDecoder([latentSize], map, image)
  const generator = sequential({ ...layers, squash: activations.tanh.layer() })
  return generator(network, { name: latent, dims: [latentSize] }, 'generator')
}
