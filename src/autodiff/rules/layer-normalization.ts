import { GraftError } from '../../errors.ts'
import { describeNode } from '../../graph/graph.ts'
import {
  type InputGradient,
  positiveAxis,
  type Rule,
  type RuleContext,
  single,
  sumTo,
} from '../rule.ts'
import type { Rules } from './differentiable.ts'

type Context = Pick<RuleContext, 'builder' | 'scalar'>

/** Values over their root mean square along some axes, after their mean was taken away or not. */
function standardization(
  { builder, scalar }: Context,
  x: string,
  { axes, epsilon, centre }: { axes: readonly number[]; epsilon: number; centre: boolean },
) {
  const average = (value: string) =>
    builder.op('ReduceMean', [value, builder.int64s(axes)], { keepdims: 1 })
  const centred = () => (centre ? builder.op('Sub', [x, average(x)]) : x)
  const inverse = () => {
    const square = average(builder.op('Mul', [centred(), centred()]))
    const deviation = builder.op('Sqrt', [builder.op('Add', [square, scalar(epsilon)])])
    return builder.op('Reciprocal', [deviation])
  }
  const normalized = () => builder.op('Mul', [centred(), inverse()])
  return {
    normalized,
    /** The gradient with respect to x, given that with respect to the normalized values. */
    pull(gradient: string): string {
      const along = average(builder.op('Mul', [gradient, normalized()]))
      const level = centre ? builder.op('Sub', [gradient, average(gradient)]) : gradient
      const projected = builder.op('Sub', [level, builder.op('Mul', [normalized(), along])])
      return builder.op('Mul', [projected, inverse()])
    },
  }
}

/** Over the axes from `axis` on, with a scale for each position in them. */
function trailing(
  context:
    | RuleContext<'LayerNormalization'>
    | RuleContext<'RMSNormalization'>
    | RuleContext<'SimplifiedLayerNormalization'>,
  dy: string,
  centre: boolean,
): readonly InputGradient[] {
  const { builder, attributes, inputs, dims } = context
  const [x = '', scale = '', bias = ''] = inputs
  const output = dims(x)
  const first = positiveAxis(attributes.axis, output.length)
  const axes = output.flatMap((_, axis) => (axis < first ? [] : [axis]))
  const { normalized, pull } = standardization(context, x, { ...attributes, axes, centre })
  return [
    () => pull(builder.op('Mul', [dy, scale])),
    () => sumTo(builder, builder.op('Mul', [dy, normalized()]), output, dims(scale)),
    () => sumTo(builder, dy, output, dims(bias)),
  ]
}

/** Over the channels of each group and the spatial axes, with a scale for each channel (or each group, until operator set 20). */
function grouped(
  context: RuleContext<'GroupNormalization'> | RuleContext<'InstanceNormalization'>,
  dy: string,
  groups: number,
): readonly InputGradient[] {
  const { builder, attributes, inputs, dims } = context
  const [x = '', scale = ''] = inputs
  const [own, batch] = [dims(x), dims(x)[0] as number]
  const scales = dims(scale)[0] as number
  const view = (value: string, count: number) =>
    builder.op('Reshape', [value, builder.int64s([batch, count, -1])])
  const back = (value: string) => builder.op('Reshape', [value, builder.int64s(own)])
  const { normalized, pull } = standardization(context, view(x, groups), {
    epsilon: attributes.epsilon,
    axes: [2],
    centre: true,
  })
  const perScale = () => view(dy, scales)
  const sum = (value: string) =>
    builder.op('ReduceSum', [value, builder.int64s([0, 2])], { keepdims: 0 })
  return [
    () => {
      const column = builder.op('Reshape', [scale, builder.int64s([scales, 1])])
      return back(pull(view(builder.op('Mul', [perScale(), column]), groups)))
    },
    () => sum(builder.op('Mul', [perScale(), view(normalized(), scales)])),
    () => sum(perScale()),
  ]
}

/** A normalization that gives its statistics as further outputs, which no gradient may come from. */
function withStatistics(
  centre: boolean,
): Rule<'LayerNormalization' | 'SimplifiedLayerNormalization'> {
  return (context, [dy, ...statistics]) => {
    if (dy === undefined || statistics.some((cotangent) => cotangent !== undefined)) {
      throw new GraftError(
        'unsupported',
        `${describeNode(context.node)}: no gradient of its ${centre ? 'mean and deviation' : 'deviation'}`,
      )
    }
    return trailing(context, dy, centre)
  }
}

/** A window over the channels, as a pooling over an axis of its own. ONNX Runtime only has windows of odd size. */
function localResponse(
  { builder, scalar, attributes, dims }: RuleContext<'LRN'>,
  x: string,
  dy: string,
): string {
  const { alpha, beta, bias, size = 1 } = attributes
  const own = dims(x)
  const reach = Math.floor(size / 2)
  const mean = (value: string) => {
    const column = builder.int64s([own[0] as number, 1, own[1] as number, -1])
    const pooled = builder.op('AveragePool', [builder.op('Reshape', [value, column])], {
      kernel_shape: [size, 1],
      pads: [reach, 0, reach, 0],
      count_include_pad: 1,
    })
    return builder.op('Reshape', [pooled, builder.int64s(own)])
  }
  const square = mean(builder.op('Mul', [x, x]))
  const base = builder.op('Add', [builder.op('Mul', [square, scalar(alpha)]), scalar(bias)])
  const direct = builder.op('Mul', [dy, builder.op('Pow', [base, scalar(-beta)])])
  const through = builder.op('Div', [builder.op('Mul', [direct, x]), base])
  const spread = mean(through)
  const shared = builder.op('Mul', [builder.op('Mul', [spread, x]), scalar(2 * alpha * beta)])
  return builder.op('Sub', [direct, shared])
}

export const layerNormalizationRules = {
  // Wu and He (2018).
  GroupNormalization: single((context, dy) =>
    grouped(context, dy, context.attributes.num_groups as number),
  ),
  // Ulyanov, Vedaldi and Lempitsky (2016): every channel is a group.
  InstanceNormalization: single((context, dy) =>
    grouped(context, dy, context.dims(context.inputs[0] as string)[1] as number),
  ),
  // Ba, Kiros and Hinton (2016).
  LayerNormalization: withStatistics(true),
  // Krizhevsky, Sutskever and Hinton (2012), section 3.3.
  LRN: single((context, dy) => [() => localResponse(context, context.inputs[0] as string, dy)]),
  // Zhang and Sennrich (2019).
  RMSNormalization: single((context, dy) => trailing(context, dy, false)),
  SimplifiedLayerNormalization: withStatistics(false),
} satisfies Partial<Rules>
