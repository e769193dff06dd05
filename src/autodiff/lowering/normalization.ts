import type { GraphBuilder } from '../../graph/builder.ts'
import { product, reshape } from './axes.ts'
import type { Lower } from './index.ts'

type Channels = { readonly dims: readonly number[] }

/** The mean over the batch and the spatial axes, [C]. */
function channelMean(builder: GraphBuilder, value: string, { dims }: Channels): string {
  const [batch, channels] = dims as [number, number]
  const pixels = product(dims.slice(2))
  const flat = dims.length === 3 ? value : reshape(builder, value, [batch, channels, pixels])
  return builder.op('ReduceMean', [flat, builder.int64s([0, 2])], { keepdims: 0 })
}

/** [C] against [N, C, ...]. */
function perChannel(builder: GraphBuilder, value: string, { dims }: Channels): string {
  return reshape(builder, value, [dims[1] as number, ...dims.slice(2).map(() => 1)])
}

function inverseDeviation(builder: GraphBuilder, variance: string, epsilon: number): string {
  const shifted = builder.op('Add', [variance, builder.scalar(epsilon)])
  return builder.op('Reciprocal', [builder.op('Sqrt', [shifted])])
}

/**
 * Batch normalization with the statistics of the batch (Ioffe and Szegedy, 2015) as one affine map; returns the result, the mean and
 * the biased variance.
 */
export const batchNormalization: Lower<'graft.BatchNormalization'> = (
  builder,
  [x = '', scale = '', bias = ''],
  { dims, epsilon },
) => {
  const mean = channelMean(builder, x, { dims })
  const square = channelMean(builder, builder.op('Mul', [x, x]), { dims })
  const difference = builder.op('Sub', [square, builder.op('Mul', [mean, mean])])
  const variance = builder.op('Max', [difference, builder.scalar(0)])
  const slope = builder.op('Mul', [scale, inverseDeviation(builder, variance, epsilon)])
  const offset = builder.op('Sub', [bias, builder.op('Mul', [mean, slope])])
  const scaled = builder.op('Mul', [x, perChannel(builder, slope, { dims })])
  return [builder.op('Add', [scaled, perChannel(builder, offset, { dims })]), mean, variance]
}

/** dx = a * dy + b * x + c with coefficients a channel, so that two means are all that passes over the data. */
export const batchNormalizationGradient: Lower<'graft.BatchNormalizationGradient'> = (
  builder,
  [dy = '', x = '', scale = '', mean = '', variance = ''],
  { dims, epsilon },
) => {
  const count = builder.scalar(product(dims) / (dims[1] as number))
  const inverse = inverseDeviation(builder, variance, epsilon)
  const dyMean = channelMean(builder, dy, { dims })
  const productMean = channelMean(builder, builder.op('Mul', [dy, x]), { dims })
  const centred = builder.op('Sub', [productMean, builder.op('Mul', [mean, dyMean])])
  const scaleMean = builder.op('Mul', [inverse, centred])
  const a = builder.op('Mul', [scale, inverse])
  const b = builder.op('Neg', [builder.op('Mul', [builder.op('Mul', [a, inverse]), scaleMean])])
  const c = builder.op('Neg', [
    builder.op('Add', [builder.op('Mul', [a, dyMean]), builder.op('Mul', [b, mean])]),
  ])
  const direct = builder.op('Mul', [dy, perChannel(builder, a, { dims })])
  const through = builder.op('Mul', [x, perChannel(builder, b, { dims })])
  const sum = builder.op('Add', [direct, through])
  return [
    builder.op('Add', [sum, perChannel(builder, c, { dims })]),
    builder.op('Mul', [scaleMean, count]),
    builder.op('Mul', [dyMean, count]),
  ]
}
