import { createBuilder } from '../src/graph/builder.ts'
import type { Graph } from '../src/graph/graph.ts'
import { float32, sizeOf, type Tensor } from '../src/graph/tensor.ts'
import type { Layer } from '../src/nn/layers.ts'
import { crossEntropy } from '../src/nn/losses.ts'
import { sgd } from '../src/nn/optimizers.ts'
import { createRandom } from '../src/random.ts'
import { trainableParameters } from '../src/training/loop.ts'
import type { StepOptions } from '../src/training/write-step.ts'

/** A network of one layer, from `x` to its only output; the same values each time for a seed. */
export function networkOf(layer: Layer, input: readonly number[], seed = 1): Graph {
  const builder = createBuilder()
  const x = { name: builder.input('x', 'float32', ['N', ...input]), dims: input }
  builder.output(layer({ builder, random: createRandom(seed) }, x, '').name)
  return builder.build()
}

/** Values of a normal distribution. */
export function normal(dims: readonly number[], seed = 2): Tensor {
  const source = createRandom(seed)
  return float32(
    dims,
    Array.from({ length: sizeOf(dims) }, () => source.normal()),
  )
}

export const ones = (count: number) => float32([count], Array(count).fill(1))

/** Options of a step that trains all of a network by stochastic gradient descent. */
export function stepOptions(
  graph: Graph,
  dims: readonly number[],
  more: Partial<StepOptions> = {},
) {
  return {
    graph,
    loss: crossEntropy(),
    inputs: { [graph.inputs[0]?.name as string]: { type: 'float32', dims } },
    trainable: trainableParameters(graph),
    optimizer: sgd(),
    ...more,
  } satisfies StepOptions
}
