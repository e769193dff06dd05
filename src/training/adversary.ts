import { type Derivatives, differentiate } from '../autodiff/differentiate.ts'
import { createBuilder, type GraphBuilder } from '../graph/builder.ts'
import type { TensorType } from '../graph/tensor.ts'

/**
 * Parameters that are trained on another loss than all others of the same step, as the generator of a GAN is against its
 * discriminator (Goodfellow et al., 2014). They make a value, such as images; the two losses see it through the same scores. Where
 * no example sees another's (no statistics of the batch above the value), the gradient of the one loss at the value is that of the other
 * times a factor for each example: one backward pass through the scores then serves both.
 */
export type Adversary = {
  /** What these parameters make, float32 [N, ...]: an output of the network beside the first. */
  readonly value: string
  /** Those of the trained parameters that the value depends on. */
  readonly trainable: readonly string[]
  /** Writes the factor on the gradient at the value, which broadcasts to it, from the network's first output. */
  factor(builder: GraphBuilder, output: string): string
}

/**
 * Both backward passes of a step with an adversary.
 *
 * @param seeds as in `differentiate`
 * @param output the first output of the network, which the factor is written from
 */
export function differentiateBoth(
  { graph, types }: Pick<Derivatives, 'graph' | 'types'>,
  seeds: ReadonlyMap<string, string>,
  trainable: readonly string[],
  { value, trainable: opposed, factor }: Adversary,
  output: string,
): Derivatives {
  const others = trainable.filter((name) => !opposed.includes(name))
  const first = differentiate(graph, types, seeds, [...others, value])
  const builder = createBuilder(first.graph.name, first.graph)
  const scaled = builder.op('Mul', [first.gradients.get(value), factor(builder, output)])
  const known = new Map(first.types).set(scaled, types.get(value) as TensorType)
  const second = differentiate(builder.build(), known, new Map([[value, scaled]]), opposed)
  return { ...second, gradients: new Map([...first.gradients, ...second.gradients]) }
}
