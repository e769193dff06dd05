import { GraftError } from '../errors.ts'
import { imageDecoder } from '../nn/decoders.ts'
import { activations, type Network, sequential, type Value } from '../nn/layers.ts'
import { ownLoss } from '../nn/losses.ts'
import { adam } from '../nn/optimizers.ts'
import { constantRate } from '../nn/schedules.ts'
import { trainableParameters } from '../training/loop.ts'
import { named, type StrategyEvent } from '../training/task.ts'
import { games } from './gan-games.ts'
import { ganMonitor, latentInput, latentSize, latents } from './gan-monitor.ts'
import type { Pretrained, PretrainingMethod, PretrainingOptions } from './method.ts'
import { batchSizeFor, inputDims, ownLossFeeds, pixelNetwork, pretrainedFrom } from './networks.ts'
import { type Plan, runPlan } from './plan.ts'

/** Of the discriminator; the generator learns at half of it: both have rates of their own (Heusel et al., 2017). */
const learningRate = 4e-4
const generatorRate = 0.5
/** Filters of the map that the generator begins with, a quarter as high and wide as the images. */
const firstFilters = 64
/** How often a game is begun, each time from other values, before it is given up; and under which key it is kept that one went wrong. */
const attempts = 3
const failureKey = 'gan-failure'
/** What each step leaves of the moving average, with which samples are made. */
const averaged = 0.99

/**
 * A generator against a discriminator whose trunk is the architecture (Goodfellow et al., 2014; Radford et al., 2016, keep its lower layers). Both update in
 * one step. Real images may not be where scores are steep (R1; Mescheder et al., 2018): the slope is taken along a random direction, by
 * the difference to a moved image (Lin et al., 2025). Batch normalizations of the trunk keep their first statistics, which change nothing.
 *
 * With `matching` the discriminator learns from labels at once (Salimans et al., 2016).
 *
 * A game in which the generator collapses or the discriminator saturates is begun again.
 *
 * @throws GraftError `bad-input` where the last attempt goes wrong too
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
    for (let attempt = 1; ; attempt++) {
      const played = yield* play(attempt === 1 ? options : begunAgain(options, attempt))
      if (!('failure' in played)) return played
      const { failure } = played
      if (attempt === attempts) {
        throw new GraftError(
          'bad-input',
          `gan: ${failure}, the last of ${attempts} attempts: more images or another --seed may help`,
        )
      }
      yield {
        type: 'notice',
        sentence: `gan: ${failure}: it begins again from other values, attempt ${attempt + 1} of ${attempts}`,
      }
    }
  },
}

const begunAgain = (options: PretrainingOptions, attempt: number): PretrainingOptions => ({
  ...options,
  random: options.random.fork(`attempt ${attempt}`),
  checkpoints: named(options.checkpoints, `attempt-${attempt}`),
})

/** One game to its end, or until it goes wrong. */
async function* play(
  options: PretrainingOptions,
): AsyncGenerator<StrategyEvent, Pretrained | { readonly failure: string }> {
  const { checkpoints } = options
  const known = await checkpoints.load(failureKey)
  if (typeof known === 'string') return { failure: known }
  const { plan, made } = await ganPlan(options)
  const monitor = await ganMonitor(options, plan.step.graph, made)
  let failure: string | undefined
  const watch: typeof monitor.watch = async (epoch) => {
    const seen = await monitor.watch(epoch)
    failure = seen.failure
    return seen
  }
  try {
    const learned = yield* runPlan({ ...plan, watch }, options, 'gan', 'gan')
    return pretrainedFrom(options, learned, await monitor.sheets())
  } catch (error) {
    if (failure === undefined) throw error
    await checkpoints.save(failureKey, failure)
    return { failure }
  } finally {
    await monitor.release()
  }
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
