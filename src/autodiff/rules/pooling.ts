import { elementTypes, sizeOf } from '../../graph/tensor.ts'
import { type WindowGeometry, windowGeometry } from '../geometry.ts'
import { elementwise, type RuleContext } from '../rule.ts'
import type { Rules } from './differentiable.ts'

function geometryOf(
  { attributes, dims }: RuleContext<'MaxPool'> | RuleContext<'AveragePool'> | RuleContext<'LpPool'>,
  x: string,
) {
  return windowGeometry(attributes, dims(x).slice(2), attributes.kernel_shape ?? [])
}

/**
 * The gradient of a p-norm, without the sum back over its windows: sign(x) |x|^(p-1) times what this returns, which is
 * dy / y^(p-1). Where the norm is zero it has no gradient, and the subgradient zero is taken.
 */
function overNorm({ builder, scalar }: RuleContext, y: string, dy: string, p: number): string {
  const none = builder.op('Equal', [y, scalar(0)])
  const norm = builder.op('Where', [none, scalar(1), y])
  return builder.op('Div', [dy, builder.op('Pow', [norm, scalar(p - 1)])])
}

function powerSlope({ builder, scalar }: RuleContext, x: string, p: number): string {
  const size = builder.op('Pow', [builder.op('Abs', [x]), scalar(p - 1)])
  return builder.op('Mul', [builder.op('Sign', [x]), size])
}

export const poolingRules = {
  AveragePool: elementwise((context, { x, y, dy }) =>
    context.builder.op('graft.AveragePoolGradient', [dy], {
      ...geometryOf(context, x),
      count_include_pad: context.attributes.count_include_pad,
      dims: context.dims(x),
      output_dims: context.dims(y),
    }),
  ),
  GlobalAveragePool: elementwise(({ builder, scalar, dims }, { x, dy }) => {
    const share = builder.op('Mul', [dy, scalar(1 / sizeOf(dims(x).slice(2)))])
    return builder.op('Expand', [share, builder.int64s(dims(x))])
  }),
  GlobalLpPool: elementwise((context, { x, y, dy }) => {
    const { builder, attributes } = context
    const slope = powerSlope(context, x, attributes.p)
    return builder.op('Mul', [slope, overNorm(context, y, dy, attributes.p)])
  }),
  // Ties share the cotangent equally.
  GlobalMaxPool: elementwise(({ builder, dims, type }, { x, y, dy }) => {
    const axes = builder.int64s(dims(x).flatMap((_, axis) => (axis < 2 ? [] : [axis])))
    const attains = builder.op('Cast', [builder.op('Equal', [x, y])], {
      to: elementTypes[type(y).type].code,
    })
    const count = builder.op('ReduceSum', [attains, axes], { keepdims: 1 })
    return builder.op('Mul', [attains, builder.op('Div', [dy, count])])
  }),
  // The sum over a window is its average, with padding counted, times its size: windows must not reach past the padding.
  LpPool: elementwise((context, { x, y, dy }) => {
    const { builder, scalar, attributes, dims } = context
    const geometry = geometryOf(context, x)
    const share = overNorm(context, y, dy, attributes.p)
    const sum = builder.op('graft.AveragePoolGradient', [share], {
      ...geometry,
      pads: reachedPads(geometry, dims(x), dims(y)),
      count_include_pad: 1,
      dims: dims(x),
      output_dims: dims(y),
    })
    const slope = builder.op('Mul', [powerSlope(context, x, attributes.p), sum])
    return builder.op('Mul', [slope, scalar(sizeOf(geometry.kernel_shape))])
  }),
  MaxPool: elementwise((context, { x, y, dy }) =>
    context.builder.op('graft.MaxPoolGradient', [x, y, dy], {
      ...geometryOf(context, x),
      dims: context.dims(x),
      output_dims: context.dims(y),
    }),
  ),
} satisfies Partial<Rules>

/** The pads with those after each axis widened to where the last window ends. */
function reachedPads(
  { kernel_shape, strides, dilations, pads }: WindowGeometry,
  dims: readonly number[],
  outputDims: readonly number[],
): number[] {
  const rank = kernel_shape.length
  const after = kernel_shape.map((size, axis) => {
    const last = ((outputDims[axis + 2] as number) - 1) * (strides[axis] as number)
    const end = last + (size - 1) * (dilations[axis] as number) + 1 - (pads[axis] as number)
    return Math.max(end - (dims[axis + 2] as number), pads[axis + rank] as number)
  })
  return [...pads.slice(0, rank), ...after]
}
