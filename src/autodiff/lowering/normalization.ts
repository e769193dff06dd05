import type { GraphBuilder } from '../../graph/builder.ts'
import type { ElementType } from '../../graph/tensor.ts'
import { pixelGeometry } from '../geometry.ts'
import { product, reshape } from './axes.ts'
import { type BlockedRule, type Blocks, fill } from './blocks.ts'
import { convWeightGradient, convWeightGradientFromBlocks } from './convolution-weights.ts'
import { planeWeightGradient } from './plane-convolution-weights.ts'
import type { Lower } from './rule.ts'

/** What batch normalization does to the channels of values in one of the layouts; statistics and coefficients are [C] in both. */
type Channels = {
  readonly builder: GraphBuilder
  /** A constant of the values' type. */
  scalar(value: number): string
  /** The mean over the batch and the spatial axes. */
  mean(value: string): string
  /** The mean of the products of two values. */
  meanOfProducts(value: string, other: string): string
  /** value - shift. */
  without(value: string, shift: string): string
  /** slope * value + shift, which is zero by default. */
  affine(value: string, slope: string, shift?: string): string
  /** slope * value + shift + otherSlope * other. */
  combination(
    value: string,
    slope: string,
    shift: string,
    other: string,
    otherSlope: string,
  ): string
}

function inPlanes(builder: GraphBuilder, dims: readonly number[], element: ElementType): Channels {
  const [batch, channels] = dims as [number, number]
  const each = (value: string) => reshape(builder, value, [channels, ...dims.slice(2).map(() => 1)])
  const scaled = (value: string, slope: string) => builder.op('Mul', [value, each(slope)])
  const mean = (value: string) => {
    const pixels = product(dims.slice(2))
    const flat = dims.length === 3 ? value : reshape(builder, value, [batch, channels, pixels])
    return builder.op('ReduceMean', [flat, builder.int64s([0, 2])], { keepdims: 0 })
  }
  return {
    builder,
    scalar: (value) => builder.scalar(value, element),
    mean,
    meanOfProducts: (value, other) => mean(builder.op('Mul', [value, other])),
    without: (value, shift) => builder.op('Sub', [value, each(shift)]),
    affine(value, slope, shift) {
      const product = scaled(value, slope)
      return shift === undefined ? product : builder.op('Add', [product, each(shift)])
    },
    combination(value, slope, shift, other, otherSlope) {
      const sum = builder.op('Add', [scaled(value, slope), scaled(other, otherSlope)])
      return builder.op('Add', [sum, each(shift)])
    },
  }
}

/**
 * On blocks an affine map of every channel is a depthwise convolution of one pixel: one pass, to which another value may be added. And the sum of products of two
 * maps is one of a single result, with one of them for its kernel: nothing of their size is written.
 */
function inBlocks({ builder, padded }: Blocks, dims: readonly number[]): Channels {
  const [batch, channels, ...spatial] = dims as [number, number, ...number[]]
  const all = padded(channels)
  const meanOfImages = (value: string) => {
    const images = reshape(builder, value, [batch, all])
    const means = builder.op('ReduceMean', [images, builder.int64s([0])], { keepdims: 0 })
    if (all === channels) return means
    return builder.op('Slice', [means, builder.int64s([0]), builder.int64s([channels])])
  }
  const filled = (value: string) => fill(builder, value, [all - channels])
  const map = (value: string, slope: string, shift?: string, sum?: string) =>
    builder.op(
      'com.microsoft.nchwc.Conv',
      [value, reshape(builder, filled(slope), [all, 1, 1, 1]), shift && filled(shift), sum],
      { kernel_shape: [1, 1], group: all },
    )
  const ones = () => builder.op('Expand', [builder.scalar(1), builder.int64s([channels])])
  return {
    builder,
    scalar: (value) => builder.scalar(value),
    mean: (value) => meanOfImages(builder.op('com.microsoft.nchwc.GlobalAveragePool', [value])),
    meanOfProducts(value, other) {
      const sums = builder.op(
        'com.microsoft.nchwc.Conv',
        [
          reshape(builder, value, [1, batch * all, ...spatial]),
          reshape(builder, other, [batch * all, 1, ...spatial]),
        ],
        { kernel_shape: spatial, group: batch * all },
      )
      return builder.op('Mul', [meanOfImages(sums), builder.scalar(1 / product(spatial))])
    },
    without: (value, shift) => map(value, ones(), builder.op('Neg', [shift])),
    affine: map,
    combination: (value, slope, shift, other, otherSlope) =>
      map(value, slope, shift, map(other, otherSlope)),
  }
}

function inverseDeviation({ builder, scalar }: Channels, variance: string, epsilon: number) {
  const shifted = builder.op('Add', [variance, scalar(epsilon)])
  return builder.op('Reciprocal', [builder.op('Sqrt', [shifted])])
}

/**
 * Batch normalization with the statistics of the batch (Ioffe and Szegedy, 2015); returns the result, the mean and the biased
 * variance. The mean is taken away before anything is squared: E[x^2] - E[x]^2 would save a pass, and lose all digits of the
 * variance where the mean is large.
 */
function normalize(on: Channels, x: string, scale: string, bias: string, epsilon: number) {
  const { builder } = on
  const mean = on.mean(x)
  const centred = on.without(x, mean)
  const variance = on.meanOfProducts(centred, centred)
  const slope = builder.op('Mul', [scale, inverseDeviation(on, variance, epsilon)])
  return { result: on.affine(centred, slope, bias), mean, variance }
}

/** dx = a * dy + b * (x - mean) + c with coefficients a channel, so that two means are all that passes over the data. */
function gradients(
  on: Channels,
  { dy, x, scale, mean, variance }: Record<'dy' | 'x' | 'scale' | 'mean' | 'variance', string>,
  { dims, epsilon }: { readonly dims: readonly number[]; readonly epsilon: number },
) {
  const { builder } = on
  const count = on.scalar(product(dims) / (dims[1] as number))
  const inverse = inverseDeviation(on, variance, epsilon)
  // The same node as in the forward pass.
  const centred = on.without(x, mean)
  const dyMean = on.mean(dy)
  const productMean = on.meanOfProducts(dy, centred)
  const scaleMean = builder.op('Mul', [inverse, productMean])
  const a = builder.op('Mul', [scale, inverse])
  const b = builder.op('Neg', [builder.op('Mul', [builder.op('Mul', [a, inverse]), scaleMean])])
  const c = builder.op('Neg', [builder.op('Mul', [a, dyMean])])
  return {
    dx: on.combination(dy, a, c, centred, b),
    dScale: builder.op('Mul', [scaleMean, count]),
    dBias: builder.op('Mul', [dyMean, count]),
  }
}

export const channelAffine: Lower<'graft.ChannelAffine'> = (
  builder,
  [x = '', slope = '', shift],
  { dims },
  element,
) => [inPlanes(builder, dims, element).affine(x, slope, shift)]

export const blockedChannelAffine: BlockedRule<'graft.ChannelAffine'> = (
  blocks,
  [x = '', slope = '', shift],
  { dims },
) => {
  if (!blocks.has(x)) return null
  return [blocks.plain(inBlocks(blocks, dims).affine(blocks.of(x), slope, shift), dims)]
}

export const batchNormalization: Lower<'graft.BatchNormalization'> = (
  builder,
  [x = '', scale = '', bias = ''],
  { dims, epsilon },
  element,
) => {
  const on = inPlanes(builder, dims, element)
  const { result, mean, variance } = normalize(on, x, scale, bias, epsilon)
  return [result, mean, variance]
}

export const batchNormalizationGradient: Lower<'graft.BatchNormalizationGradient'> = (
  builder,
  [dy = '', x = '', scale = '', mean = '', variance = ''],
  geometry,
  element,
) => {
  const on = inPlanes(builder, geometry.dims, element)
  const { dx, dScale, dBias } = gradients(on, { dy, x, scale, mean, variance }, geometry)
  return [dx, dScale, dBias]
}

export const blockedNormalization: BlockedRule<'graft.BatchNormalization'> = (
  blocks,
  [x = '', scale = '', bias = ''],
  { dims, epsilon },
) => {
  if (!blocks.has(x)) return null
  const on = inBlocks(blocks, dims)
  const { result, mean, variance } = normalize(on, blocks.of(x), scale, bias, epsilon)
  return [blocks.plain(result, dims), mean, variance]
}

export const blockedNormalizationGradient: BlockedRule<'graft.BatchNormalizationGradient'> = (
  blocks,
  [dy = '', x = '', scale = '', mean = '', variance = ''],
  geometry,
) => {
  if (!blocks.has(x)) return null
  const on = inBlocks(blocks, geometry.dims)
  const inputs = { dy: blocks.of(dy), x: blocks.of(x), scale, mean, variance }
  const { dx, dScale, dBias } = gradients(on, inputs, geometry)
  return [blocks.plain(dx, geometry.dims), dScale, dBias]
}

/** The sum of the products of every two channels is the gradient of a kernel of one pixel, with the same values for its input and its cotangent. */
function covariance({ builder, scalar }: Channels, products: string, dims: readonly number[]) {
  const channels = dims[1] as number
  const matrix = reshape(builder, products, [channels, channels])
  return builder.op('Mul', [matrix, scalar(channels / product(dims))])
}

export const channelMoments: Lower<'graft.ChannelMoments'> = (
  builder,
  [x = ''],
  { dims },
  element,
) => {
  const on = inPlanes(builder, dims, element)
  const mean = on.mean(x)
  const centred = on.without(x, mean)
  const inputs = [centred, centred]
  const [products = ''] = convWeightGradient(builder, inputs, pixelGeometry(dims), element)
  return [centred, mean, covariance(on, products, dims)]
}

export const blockedChannelMoments: BlockedRule<'graft.ChannelMoments'> = (
  blocks,
  [x = ''],
  { dims },
  node,
) => {
  if (!blocks.has(x)) return null
  const on = inBlocks(blocks, dims)
  const mean = on.mean(blocks.of(x))
  const centred = blocks.plain(on.without(blocks.of(x), mean), dims)
  const given = [blocks, [centred, centred], pixelGeometry(dims), { ...node, stated: {} }] as const
  const [products = ''] =
    planeWeightGradient(...given) ?? convWeightGradientFromBlocks(...given) ?? []
  return [centred, mean, covariance(on, products, dims)]
}
