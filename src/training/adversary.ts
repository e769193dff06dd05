import { type Derivatives, differentiate } from '../autodiff/differentiate.ts'
import { createBuilder, type GraphBuilder } from '../graph/builder.ts'
import type { TensorType } from '../graph/tensor.ts'

/**
 * Parameters that are trained on another loss than all others of the same step, as the generator of a GAN is against its
 * discriminator (Goodfellow et al., 2014).
 */
export type Adversary = {
  /** Those of the trained parameters that go down the other loss. */
  readonly trainable: readonly string[]
} & (ScaledLoss | LossOfItsOwn)

/**
 * The other loss as a factor on the gradient of the first. The parameters make a value, such as images, and both losses see it through
 * the same scores. Where no example sees another's (no statistics of the batch above the value), the gradient of the one loss at the value
 * is that of the other times a factor for each example: one backward pass through the scores serves both.
 */
export type ScaledLoss = {
  /** What the parameters make, float32 [N, ...]: an output of the network beside the first. */
  readonly value: string
  /** What the factor is written from: an output of the network too. */
  readonly scores: string
  /** Writes the factor, which broadcasts to the value. */
  factor(builder: GraphBuilder, scores: string): string
}

/** The other loss as a scalar that the network computes: an output beside the first. It takes a backward pass of its own. */
export type LossOfItsOwn = { readonly loss: string }

/** The outputs of the network that the adversary needs. */
export function outputsOf(adversary: Adversary): readonly string[] {
  return 'loss' in adversary ? [adversary.loss] : [adversary.value, adversary.scores]
}

/**
 * Both backward passes of a step with an adversary.
 *
 * @param seeds as in `differentiate`
 */
export function differentiateBoth(
  { graph, types }: Pick<Derivatives, 'graph' | 'types'>,
  seeds: ReadonlyMap<string, string>,
  trainable: readonly string[],
  adversary: Adversary,
): Derivatives {
  const opposed = adversary.trainable
  const others = trainable.filter((name) => !opposed.includes(name))
  const own = 'loss' in adversary ? [] : [adversary.value]
  const first = differentiate(graph, types, seeds, [...others, ...own])
  const builder = createBuilder(first.graph.name, first.graph)
  const known = new Map(first.types)
  const second = new Map<string, string>()
  if ('loss' in adversary) {
    second.set(adversary.loss, builder.scalar(1))
  } else {
    const { value, scores, factor } = adversary
    const scaled = builder.op('Mul', [first.gradients.get(value), factor(builder, scores)])
    known.set(scaled, types.get(value) as TensorType)
    second.set(value, scaled)
  }
  const both = differentiate(builder.build(), known, second, opposed)
  return { ...both, gradients: new Map([...first.gradients, ...both.gradients]) }
}
