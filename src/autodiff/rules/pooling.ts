import { sizeOf } from '../../graph/tensor.ts'
import { windowGeometry } from '../geometry.ts'
import { elementwise, type RuleContext } from '../rule.ts'
import type { Rules } from './index.ts'

function geometryOf(
  { attributes, dims }: RuleContext<'MaxPool'> | RuleContext<'AveragePool'>,
  x: string,
) {
  return windowGeometry(attributes, dims(x).slice(2), attributes.kernel_shape ?? [])
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
  // Ties share the cotangent equally.
  GlobalMaxPool: elementwise(({ builder, dims, type }, { x, y, dy }) => {
    const axes = builder.int64s(dims(x).flatMap((_, axis) => (axis < 2 ? [] : [axis])))
    const attains = builder.op('Cast', [builder.op('Equal', [x, y])], {
      to: type(y).type === 'float64' ? 11 : 1,
    })
    const count = builder.op('ReduceSum', [attains, axes], { keepdims: 1 })
    return builder.op('Mul', [attains, builder.op('Div', [dy, count])])
  }),
  MaxPool: elementwise((context, { x, y, dy }) =>
    context.builder.op('graft.MaxPoolGradient', [x, y, dy], {
      ...geometryOf(context, x),
      dims: context.dims(x),
      output_dims: context.dims(y),
    }),
  ),
} satisfies Partial<Rules>
