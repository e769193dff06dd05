import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import type { Random } from '../random.ts'
import {
  type Activation,
  activations,
  batchNormalization,
  conv,
  dense,
  dropout,
  flatten,
  globalAveragePool,
  type Layer,
  maxPool,
  residual,
  sequential,
} from './layers.ts'

/** The size of one image, channels first. */
export type InputDims = readonly [channels: number, height: number, width: number]

/** The input of every architecture, float32 [N, C, H, W], and its output, float32 [N, classes]. */
export const inputName = 'input'
export const outputName = 'logits'

/** The layers of a network by name, in order. */
export type Layers = Readonly<Record<string, Layer>>

/**
 * A network of layers, each with parameters named after it.
 *
 * @param output the name of its result; default `logits`
 */
export function network(
  layers: Layers,
  input: InputDims,
  random: Random,
  output = outputName,
): Graph {
  const builder = createBuilder()
  const x = { name: builder.input(inputName, 'float32', ['N', ...input]), dims: input }
  const { name, dims } = sequential(layers)({ builder, random }, x, '')
  builder.output(builder.alias(output, name), 'float32', ['N', ...dims])
  return builder.build()
}

export type MlpOptions = {
  /** Units of each hidden layer. */
  readonly sizes: readonly number[]
  readonly activation: Activation
  readonly classes: number
}

/** A stack of dense layers; with SELU and LeCun initialization it normalizes itself (Klambauer et al., 2017). */
export function mlp(input: InputDims, options: MlpOptions, random: Random): Graph {
  return network({ ...mlpTrunk(options), head: dense(options.classes) }, input, random)
}

/** The hidden layers of `mlp`. */
export function mlpTrunk({ sizes, activation }: Pick<MlpOptions, 'sizes' | 'activation'>): Layers {
  const { layer, initializer } = activations[activation]
  const hidden = sizes.map(
    (units, index) =>
      [
        `hidden${index + 1}`,
        sequential({ dense: dense(units, { initializer }), act: layer() }),
      ] as const,
  )
  return { flatten: flatten(), ...Object.fromEntries(hidden) }
}

/**
 * Two convolutions, one pooling and one dense layer: the usual network for images of 28 to 32 pixels.
 *
 * @param options.dropout the share dropped before the head, half of it after pooling; default 0.5
 */
export function cnn(
  input: InputDims,
  { classes, dropout: rate = 0.5 }: { readonly classes: number; readonly dropout?: number },
  random: Random,
): Graph {
  const { layer: relu, initializer } = activations.relu
  const layers: Layers = {
    conv1: sequential({ conv: conv(32, 3), act: relu() }),
    conv2: sequential({
      conv: conv(64, 3),
      act: relu(),
      pool: maxPool(2),
      dropout: dropout(rate / 2),
    }),
    hidden: sequential({
      flatten: flatten(),
      dense: dense(128, { initializer }),
      act: relu(),
      dropout: dropout(rate),
    }),
    head: dense(classes),
  }
  return network(layers, input, random)
}

/**
 * Blocks of a convolution, batch normalization and pooling, each with twice as many filters as the one before: a small network after Simonyan and
 * Zisserman (2015). What is left of the map is read by place.
 *
 * @param options.dropout the share dropped before the head; default 0.5
 */
export function vgg(
  input: InputDims,
  { classes, dropout: rate = 0.5 }: { readonly classes: number; readonly dropout?: number },
  random: Random,
): Graph {
  return network({ ...vggTrunk(), dropout: dropout(rate), head: dense(classes) }, input, random)
}

/** The layers of `vgg` below its head, which end in a vector. */
export function vggTrunk(widths: readonly number[] = [32, 64, 128]): Layers {
  const { layer: relu } = activations.relu
  const halve: Layer = (network, x, path) =>
    Math.min(...x.dims.slice(1)) > 1 ? maxPool(2)(network, x, path) : x
  const blocks = widths.map((filters, index) => {
    const isLast = index === widths.length - 1
    const layers = {
      conv: conv(filters, 3, { bias: false }),
      norm: batchNormalization(),
      act: relu(),
      pool: halve,
    }
    const block = sequential(isLast ? { ...layers, flatten: flatten() } : layers)
    return [`block${index + 1}`, block] as const
  })
  return Object.fromEntries(blocks)
}

export type ResnetOptions = {
  readonly classes: number
  /** Residual blocks in each stage; default 1, which makes eight layers. */
  readonly blocks?: number
  /** Filters of each stage; default 16, 32, 64. */
  readonly widths?: readonly number[]
  /** Stride of the first convolution; 2 for images of about 64 pixels. Default 1. */
  readonly stemStride?: number
}

/** The CIFAR network of He et al. (2016), section 4.2: 6 * blocks + 2 layers, with projections where the size changes. */
export function resnet(input: InputDims, options: ResnetOptions, random: Random): Graph {
  const layers = {
    ...resnetTrunk(options),
    pool: globalAveragePool(),
    head: dense(options.classes),
  }
  return network(layers, input, random)
}

/** The residual blocks of `resnet`, which end in a map. */
export function resnetTrunk({
  blocks = 1,
  widths = [16, 32, 64],
  stemStride = 1,
}: Omit<ResnetOptions, 'classes'> = {}): Layers {
  const { layer: relu } = activations.relu
  const normalized = (filters: number, kernel: number, stride = 1) =>
    sequential({ conv: conv(filters, kernel, { stride, bias: false }), norm: batchNormalization() })
  const block = (filters: number, stride: number, projected: boolean) =>
    sequential({
      sum: residual(
        sequential({
          first: normalized(filters, 3, stride),
          act: relu(),
          second: normalized(filters, 3),
        }),
        projected ? normalized(filters, 1, stride) : undefined,
      ),
      act: relu(),
    })
  const [firstWidth = 16] = widths
  const layers: Record<string, Layer> = {
    stem: sequential({ first: normalized(firstWidth, 3, stemStride), act: relu() }),
  }
  widths.forEach((filters, stage) => {
    for (let index = 0; index < blocks; index++) {
      const enters = index === 0 && stage > 0
      layers[`stage${stage + 1}.block${index + 1}`] = block(filters, enters ? 2 : 1, enters)
    }
  })
  return layers
}
