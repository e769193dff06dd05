import type { GraphBuilder } from '../../graph/builder.ts'
import { product, reshape } from './axes.ts'
import type { Lower } from './rule.ts'

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
 * Batch normalization with the statistics of the batch (Ioffe and Szegedy, 2015); returns the result, the mean and the biased
 * variance. The mean is taken away before anything is squared: E[x^2] - E[x]^2 would save a pass, and lose all digits of the
 * variance where the mean is large.
 */
export const batchNormalization: Lower<'graft.BatchNormalization'> = (
  builder,
  [x = '', scale = '', bias = ''],
  { dims, epsilon },
) => {
  const mean = channelMean(builder, x, { dims })
  const centred = builder.op('Sub', [x, perChannel(builder, mean, { dims })])
  const variance = channelMean(builder, builder.op('Mul', [centred, centred]), { dims })
  const slope = builder.op('Mul', [scale, inverseDeviation(builder, variance, epsilon)])
  const scaled = builder.op('Mul', [centred, perChannel(builder, slope, { dims })])
  return [builder.op('Add', [scaled, perChannel(builder, bias, { dims })]), mean, variance]
}

/** dx = a * dy + b * (x - mean) + c with coefficients a channel, so that two means are all that passes over the data. */
export const batchNormalizationGradient: Lower<'graft.BatchNormalizationGradient'> = (
  builder,
  [dy = '', x = '', scale = '', mean = '', variance = ''],
  { dims, epsilon },
) => {
  const count = builder.scalar(product(dims) / (dims[1] as number))
  const inverse = inverseDeviation(builder, variance, epsilon)
  // The same node as in the forward pass.
  const centred = builder.op('Sub', [x, perChannel(builder, mean, { dims })])
  const dyMean = channelMean(builder, dy, { dims })
  const productMean = channelMean(builder, builder.op('Mul', [dy, centred]), { dims })
  const scaleMean = builder.op('Mul', [inverse, productMean])
  const a = builder.op('Mul', [scale, inverse])
  const b = builder.op('Neg', [builder.op('Mul', [builder.op('Mul', [a, inverse]), scaleMean])])
  const c = builder.op('Neg', [builder.op('Mul', [a, dyMean])])
  const direct = builder.op('Mul', [dy, perChannel(builder, a, { dims })])
  const through = builder.op('Mul', [centred, perChannel(builder, b, { dims })])
  const sum = builder.op('Add', [direct, through])
  return [
    builder.op('Add', [sum, perChannel(builder, c, { dims })]),
    builder.op('Mul', [scaleMean, count]),
    builder.op('Mul', [dyMean, count]),
  ]
}
