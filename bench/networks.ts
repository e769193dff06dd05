import { createBuilder } from '../src/graph/builder.ts'
import type { Graph } from '../src/graph/graph.ts'
import { mlp } from '../src/nn/architectures.ts'
import {
  activations,
  conv,
  dense,
  flatten,
  type Layer,
  maxPool,
  sequential,
} from '../src/nn/layers.ts'
import { createRandom } from '../src/random.ts'

/** A network as both sides build it: `name` is its key in `pytorch/networks.py`. */
export type Network = {
  readonly name: string
  /** The dimensions of one example. */
  readonly input: readonly [number, number, number]
  /** Always with the same weights. */
  build(): Graph
}

/** A network of torchvision, which PyTorch exports: `name` is its key in `pytorch/imported.py`. */
export type ImportedNetwork = {
  readonly name: string
  readonly input: readonly [number, number, number]
  /** Whether batch normalization takes the statistics of the batch, or its running ones. */
  readonly batchStatistics: boolean
}

const mnist = [1, 28, 28] as const
const { layer: relu, initializer } = activations.relu

/** Two convolutions, a pooling and a dense layer, without dropout: its masks would be drawn differently on the two sides. */
export const cnn: Network = {
  name: 'cnn',
  input: mnist,
  build: () =>
    written(
      {
        conv1: conv(32, 3),
        relu1: relu(),
        conv2: conv(64, 3),
        relu2: relu(),
        pool: maxPool(2),
        flatten: flatten(),
        dense1: dense(128, { initializer }),
        relu3: relu(),
        dense2: dense(10),
      },
      mnist,
    ),
}

/** Five hidden layers that normalize themselves. */
export const selfNormalizing: Network = {
  name: 'mlp',
  input: mnist,
  build: () =>
    mlp(
      mnist,
      { sizes: [300, 100, 50, 50, 50], activation: 'selu', classes: 10 },
      createRandom('bench'),
    ),
}

/** One layer of 4 million weights, in which nothing counts but their update. */
export const wide: Network = {
  name: 'wide',
  input: [1, 40, 50],
  build: () =>
    written(
      { flatten: flatten(), dense1: dense(2000), relu: relu(), dense2: dense(10) },
      [1, 40, 50],
    ),
}

/** The networks that both sides build. */
export const networks: readonly Network[] = [cnn, selfNormalizing, wide]

function written(layers: Readonly<Record<string, Layer>>, dims: readonly number[]): Graph {
  const builder = createBuilder()
  const x = { name: builder.input('input', 'float32', ['N', ...dims]), dims }
  builder.output(sequential(layers)({ builder, random: createRandom('bench') }, x, '').name)
  return builder.build()
}
