import type { GraphBuilder } from '../graph/builder.ts'
import type { OperatorName } from '../graph/operators.ts'
import { float32 } from '../graph/tensor.ts'
import type { Random } from '../random.ts'
import { constant, glorotUniform, heNormal, type Initializer, lecunNormal } from './initializers.ts'

/** A value of a network under construction; `dims` leaves out the batch, which is the first axis of every value. */
export type Value = { readonly name: string; readonly dims: readonly number[] }

/** Where layers are added. */
export type Network = { readonly builder: GraphBuilder; readonly random: Random }

/** Adds its nodes to a network. Its parameters are named after `path`. */
export type Layer = (network: Network, x: Value, path: string) => Value

/** Draws from a generator of the parameter's own, so that a layer's first values do not depend on its neighbours. */
function parameter(
  { builder, random }: Network,
  name: string,
  dims: readonly number[],
  initializer: Initializer,
) {
  return builder.parameter(name, float32(dims, initializer(dims, random.fork(name))))
}

/** The layers in order; each is named by its key. */
export function sequential(layers: Readonly<Record<string, Layer>>): Layer {
  return (network, x, path) => {
    let value = x
    for (const [name, layer] of Object.entries(layers)) {
      value = layer(network, value, path === '' ? name : `${path}.${name}`)
    }
    return value
  }
}

/** The sum of a branch and its input, or of a branch and a projection of it (He et al., 2016). */
export function residual(branch: Layer, shortcut?: Layer): Layer {
  return (network, x, path) => {
    const main = branch(network, x, path)
    const other = shortcut ? shortcut(network, x, `${path}.shortcut`) : x
    return { name: network.builder.op('Add', [main.name, other.name]), dims: main.dims }
  }
}

/** A fully connected layer: [N, in] to [N, units], with weight [units, in]. */
export function dense(
  units: number,
  { initializer = glorotUniform, bias = true }: { initializer?: Initializer; bias?: boolean } = {},
): Layer {
  return (network, x, path) => {
    const weight = parameter(network, `${path}.weight`, [units, x.dims[0] as number], initializer)
    const inputs = [x.name, weight]
    if (bias) inputs.push(parameter(network, `${path}.bias`, [units], constant(0)))
    return { name: network.builder.op('Gemm', inputs, { transB: 1 }), dims: [units] }
  }
}

/** The same weight the other way round, [N, units] to [N, in]: the decoder of an autoencoder with tied weights has a bias of its own alone. */
export function tiedDense(weight: string): Layer {
  return (network, x, path) => {
    const [, units = 1] = network.builder.build().initializers.get(weight)?.dims ?? []
    const bias = parameter(network, `${path}.bias`, [units], constant(0))
    return { name: network.builder.op('Gemm', [x.name, weight, bias]), dims: [units] }
  }
}

export type ConvOptions = {
  readonly stride?: number
  /** Zeros on every side; by default as many as keep the size at stride 1. */
  readonly padding?: number
  readonly groups?: number
  readonly bias?: boolean
  readonly initializer?: Initializer
}

/** A square two-dimensional convolution: [N, C, H, W] to [N, filters, H', W'], with weight [filters, C / groups, kernel, kernel]. */
export function conv(
  filters: number,
  kernel: number,
  {
    stride = 1,
    padding = Math.floor(kernel / 2),
    groups = 1,
    bias = true,
    initializer = heNormal,
  }: ConvOptions = {},
): Layer {
  return (network, x, path) => {
    const [channels, ...spatial] = x.dims as [number, number, number]
    const dims = [filters, channels / groups, kernel, kernel]
    const inputs = [x.name, parameter(network, `${path}.weight`, dims, initializer)]
    if (bias) inputs.push(parameter(network, `${path}.bias`, [filters], constant(0)))
    const name = network.builder.op('Conv', inputs, {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
      group: groups,
    })
    const size = spatial.map((length) => Math.floor((length + 2 * padding - kernel) / stride) + 1)
    return { name, dims: [filters, ...size] }
  }
}

/** Batch normalization over the channels (Ioffe and Szegedy, 2015), written in inference mode; training switches the mode. */
export function batchNormalization({ epsilon = 1e-5, momentum = 0.9 } = {}): Layer {
  return (network, x, path) => {
    const dims = [x.dims[0] as number]
    const inputs = [
      x.name,
      parameter(network, `${path}.weight`, dims, constant(1)),
      parameter(network, `${path}.bias`, dims, constant(0)),
      parameter(network, `${path}.running_mean`, dims, constant(0)),
      parameter(network, `${path}.running_var`, dims, constant(1)),
    ]
    const name = network.builder.op('BatchNormalization', inputs, { epsilon, momentum })
    return { name, dims: x.dims }
  }
}

/** Layer normalization over the last axis (Ba, Kiros and Hinton, 2016). */
export function layerNormalization({ epsilon = 1e-5 } = {}): Layer {
  return (network, x, path) => {
    const dims = [x.dims.at(-1) as number]
    const inputs = [
      x.name,
      parameter(network, `${path}.weight`, dims, constant(1)),
      parameter(network, `${path}.bias`, dims, constant(0)),
    ]
    return { name: network.builder.op('LayerNormalization', inputs, { epsilon }), dims: x.dims }
  }
}

const elementwise =
  (operator: Extract<OperatorName, 'Relu' | 'Selu' | 'Elu' | 'Tanh' | 'Sigmoid'>): (() => Layer) =>
  () =>
  ({ builder }, x) => ({ name: builder.op(operator, [x.name]), dims: x.dims })

/** Activation functions by name, each with the initializer that suits the layer before it. */
export const activations = {
  relu: { layer: elementwise('Relu'), initializer: heNormal },
  selu: { layer: elementwise('Selu'), initializer: lecunNormal },
  elu: { layer: elementwise('Elu'), initializer: heNormal },
  tanh: { layer: elementwise('Tanh'), initializer: glorotUniform },
  sigmoid: { layer: elementwise('Sigmoid'), initializer: glorotUniform },
} as const satisfies Readonly<Record<string, { layer: () => Layer; initializer: Initializer }>>

export type Activation = keyof typeof activations

/** The maximum of each window; windows lie side by side. */
export function maxPool(size: number): Layer {
  return ({ builder }, x) => ({
    name: builder.op('MaxPool', [x.name], { kernel_shape: [size, size], strides: [size, size] }),
    dims: [x.dims[0] as number, ...x.dims.slice(1).map((length) => Math.floor(length / size))],
  })
}

/** The mean of each window; windows lie side by side. */
export function averagePool(size: number): Layer {
  return ({ builder }, x) => ({
    name: builder.op('AveragePool', [x.name], {
      kernel_shape: [size, size],
      strides: [size, size],
    }),
    dims: [x.dims[0] as number, ...x.dims.slice(1).map((length) => Math.floor(length / size))],
  })
}

/** The mean of every channel: [N, C, H, W] to [N, C]. */
export function globalAveragePool(): Layer {
  return ({ builder }, x) => ({
    name: builder.op('Flatten', [builder.op('GlobalAveragePool', [x.name])]),
    dims: [x.dims[0] as number],
  })
}

/** All axes but the batch as one. */
export function flatten(): Layer {
  return ({ builder }, x) => ({
    name: builder.op('Flatten', [x.name]),
    dims: [x.dims.reduce((product, length) => product * length, 1)],
  })
}

/** Zeroes a share of the values while training and scales up the rest (Srivastava et al., 2014). */
export function dropout(rate: number): Layer {
  return ({ builder }, x) => ({
    name: builder.op('Dropout', [x.name, builder.scalar(rate)]),
    dims: x.dims,
  })
}

/** The values of each example in other dimensions. */
export function reshape(dims: readonly number[]): Layer {
  return ({ builder }, x) => ({
    name: builder.op('Reshape', [x.name, builder.int64s([0, ...dims])]),
    dims,
  })
}

/**
 * A transposed convolution to a map `factor` times as high and wide (Zeiler et al., 2010; Radford et al., 2016), with weight [in, filters, kernel, kernel].
 *
 * @param kernel `factor` or more by an even number; a multiple of it reaches all pixels equally often
 */
export function convTranspose(filters: number, kernel: number, factor: number): Layer {
  const pad = (kernel - factor) / 2
  return (network, x, path) => {
    const [before, height, width] = x.dims as [number, number, number]
    // A pixel of the result is reached by only one in `factor` squared of the kernel's places.
    const spread: Initializer = (dims, random) =>
      heNormal([filters, before, ...dims.slice(2)], random).map((value) => value * factor)
    const weight = parameter(network, `${path}.weight`, [before, filters, kernel, kernel], spread)
    const bias = parameter(network, `${path}.bias`, [filters], constant(0))
    return {
      name: network.builder.op('ConvTranspose', [x.name, weight, bias], {
        kernel_shape: [kernel, kernel],
        strides: [factor, factor],
        pads: [pad, pad, pad, pad],
      }),
      dims: [filters, factor * height, factor * width],
    }
  }
}

/** The upper left part of every map. */
export function crop(height: number, width: number): Layer {
  return ({ builder }, x) => ({
    name: builder.op('Slice', [
      x.name,
      builder.int64s([0, 0]),
      builder.int64s([height, width]),
      builder.int64s([2, 3]),
    ]),
    dims: [x.dims[0] as number, height, width],
  })
}
