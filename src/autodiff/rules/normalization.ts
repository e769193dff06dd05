import { sizeOf } from '../../graph/tensor.ts'
import { pixelGeometry } from '../geometry.ts'
import { elementwise, type Rule, type RuleContext } from '../rule.ts'
import type { Rules } from './differentiable.ts'

/**
 * BatchNormalization in inference: one affine map a channel, with the statistics as constants. The mean and the variance are
 * statistics, not parameters, but their gradients are well defined, and asked for by nobody but `vjp`.
 */
const inferenceBatchNormalization: Rule<'BatchNormalization'> = (context, [cotangent]) => {
  const { builder, scalar, attributes, inputs, dims } = context
  const [x = '', scale = '', , mean = '', variance = ''] = inputs
  const dy = cotangent as string
  const channels = dims(scale)[0] as number
  const rank = dims(x).length
  const perChannel = (value: string) =>
    rank === 2
      ? value
      : builder.op('Reshape', [value, builder.int64s([channels, ...Array(rank - 2).fill(1)])])
  const inverse = () => {
    const shifted = builder.op('Add', [variance, scalar(attributes.epsilon)])
    return builder.op('Reciprocal', [builder.op('Sqrt', [shifted])])
  }
  const slope = () => builder.op('Mul', [scale, inverse()])
  const sum = (value: string) => builder.op('graft.ChannelSum', [value], { dims: dims(x) })
  const centredSum = () => {
    const centred = builder.op('Sub', [x, perChannel(mean)])
    return sum(builder.op('Mul', [dy, centred]))
  }
  return [
    () => builder.op('Mul', [dy, perChannel(slope())]),
    () => builder.op('Mul', [centredSum(), inverse()]),
    () => sum(dy),
    () => builder.op('Neg', [builder.op('Mul', [sum(dy), slope()])]),
    () => {
      const cube = builder.op('Mul', [builder.op('Mul', [inverse(), inverse()]), slope()])
      return builder.op('Mul', [builder.op('Mul', [centredSum(), cube]), scalar(-0.5)])
    },
  ]
}

/** Ioffe and Szegedy (2015): the gradient also flows through the statistics of the batch. */
const trainingBatchNormalization: Rule<'graft.BatchNormalization'> = (context, [dy]) => {
  const { builder, attributes, inputs, outputs, dims } = context
  const [x = '', scale = ''] = inputs
  const [, mean = '', variance = ''] = outputs
  // The running statistics are taken from the batch as they are: no gradient passes them.
  if (dy === undefined) return [null, null, null]
  const gradient = (index: number) => () =>
    builder.ops(
      'graft.BatchNormalizationGradient',
      [dy, x, scale, mean, variance],
      { dims: dims(x), epsilon: attributes.epsilon },
      3,
    )[index] as string
  return [gradient(0), gradient(1), gradient(2)]
}

/** The same map, once its coefficients [C] are values. */
const channelAffine: Rule<'graft.ChannelAffine'> = (context, [cotangent]) => {
  const { builder, inputs, dims } = context
  const [x = '', slope = ''] = inputs
  const dy = cotangent as string
  const sum = (value: string) => builder.op('graft.ChannelSum', [value], { dims: dims(x) })
  return [
    () => builder.op('graft.ChannelAffine', [dy, slope], { dims: dims(x) }),
    () => sum(builder.op('Mul', [dy, x])),
    () => sum(dy),
  ]
}

/**
 * The gradient of a covariance is x - mean times a symmetric matrix. The mean serves running statistics alone, which no gradient passes, and the other two serve the same
 * results.
 */
const channelMoments: Rule<'graft.ChannelMoments'> = (context, [dCentred, , dCovariance]) => {
  const { builder, scalar, inputs, outputs } = context
  const [centred = ''] = outputs
  const dims = context.dims(inputs[0] as string)
  const channels = dims[1] as number
  if (!dCentred || !dCovariance) return [null]
  const each = (value: string) => builder.op('Div', [value, scalar(normalizedCount(dims))])
  return [
    () => {
      const turned = builder.op('Transpose', [dCovariance], { perm: [1, 0] })
      const matrix = each(builder.op('Add', [dCovariance, turned]))
      const geometry = pixelGeometry(dims)
      const shape = builder.int64s([channels, channels, ...geometry.kernel_shape])
      const kernel = builder.op('Reshape', [matrix, shape])
      const mean = each(builder.op('graft.ChannelSum', [dCentred], { dims }))
      const inputs = [centred, kernel, builder.op('Neg', [mean])]
      return builder.op('Add', [dCentred, builder.op('graft.Conv', inputs, geometry)])
    },
  ]
}

export const normalizationRules = {
  BatchNormalization: inferenceBatchNormalization,
  'graft.ChannelAffine': channelAffine,
  'graft.ChannelMoments': channelMoments,
  'graft.BatchNormalization': trainingBatchNormalization,
  LogSoftmax: elementwise((context, { y, dy }) => {
    const { builder } = context
    const share = builder.op('Mul', [builder.op('Exp', [y]), sumAlong(context, dy)])
    return builder.op('Sub', [dy, share])
  }),
  Softmax: elementwise((context, { y, dy }) => {
    const { builder } = context
    const along = sumAlong(context, builder.op('Mul', [dy, y]))
    return builder.op('Mul', [y, builder.op('Sub', [dy, along])])
  }),
} satisfies Partial<Rules>

function sumAlong(context: RuleContext<'Softmax'> | RuleContext<'LogSoftmax'>, value: string) {
  const axes = context.builder.int64s([context.attributes.axis])
  return context.builder.op('ReduceSum', [value, axes], { keepdims: 1 })
}

/** The number of values that one statistic of a batch normalization is taken over. */
export function normalizedCount(dims: readonly number[]): number {
  return sizeOf(dims) / (dims[1] as number)
}
