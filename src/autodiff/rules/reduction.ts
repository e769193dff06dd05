import { type RuleContext, single } from '../rule.ts'
import type { Rules } from './index.ts'

type Reduction =
  | 'ReduceL1'
  | 'ReduceL2'
  | 'ReduceLogSumExp'
  | 'ReduceMax'
  | 'ReduceMean'
  | 'ReduceMin'
  | 'ReduceSum'
  | 'ReduceSumSquare'

/** A reduction's gradient, given its result and cotangent with the reduced axes kept as ones. */
type Write<O extends Reduction> = (
  context: RuleContext<O>,
  values: { x: string; y: string; dy: string; count: number },
) => string

function reduction<O extends Reduction>(write: Write<O>) {
  return single<O>((context, cotangent) => {
    const { builder, attributes, inputs, outputs, dims } = context
    const [x = '', given = ''] = inputs
    const from = dims(x)
    const listed = given === '' ? [] : context.numbers(given)
    if (listed.length === 0 && attributes.noop_with_empty_axes) return [() => cotangent, null]
    const axes = new Set(
      listed.length > 0
        ? listed.map((axis) => (axis < 0 ? axis + from.length : axis))
        : from.map((_, axis) => axis),
    )
    const kept = builder.int64s(from.map((dim, axis) => (axes.has(axis) ? 1 : dim)))
    const keep = (value: string) =>
      attributes.keepdims ? value : builder.op('Reshape', [value, kept])
    const count = [...axes].reduce((product, axis) => product * (from[axis] as number), 1)
    return [
      () => {
        const y = keep(outputs[0] as string)
        const full = write(context, { x, y, dy: keep(cotangent), count })
        return builder.op('Expand', [full, builder.int64s(from)])
      },
      null,
    ]
  })
}

function attained<O extends 'ReduceMax' | 'ReduceMin'>(): Write<O> {
  return ({ builder, inputs, type }, { x, y, dy }) => {
    const equal = builder.op('Cast', [builder.op('Equal', [x, y])], {
      to: type(x).type === 'float64' ? 11 : 1,
    })
    const ties = builder.op('ReduceSum', [equal, inputs[1]], { keepdims: 1 })
    return builder.op('Mul', [equal, builder.op('Div', [dy, ties])])
  }
}

export const reductionRules = {
  ReduceL1: reduction(({ builder }, { x, dy }) => builder.op('Mul', [builder.op('Sign', [x]), dy])),
  ReduceL2: reduction(({ builder }, { x, y, dy }) =>
    builder.op('Mul', [x, builder.op('Div', [dy, y])]),
  ),
  ReduceLogSumExp: reduction(({ builder }, { x, y, dy }) =>
    builder.op('Mul', [builder.op('Exp', [builder.op('Sub', [x, y])]), dy]),
  ),
  ReduceMax: reduction(attained()),
  ReduceMean: reduction(({ builder, scalar }, { dy, count }) =>
    builder.op('Div', [dy, scalar(count)]),
  ),
  ReduceMin: reduction(attained()),
  ReduceSum: reduction((_, { dy }) => dy),
  ReduceSumSquare: reduction(({ builder, scalar }, { x, dy }) =>
    builder.op('Mul', [x, builder.op('Mul', [dy, scalar(2)])]),
  ),
  TopK: (context, [dy]) => {
    const { builder, attributes, inputs, outputs, dims } = context
    const [x = ''] = inputs
    return [
      () =>
        builder.op(
          'ScatterElements',
          [
            builder.op('Expand', [context.scalar(0), builder.int64s(dims(x))]),
            outputs[1] as string,
            dy as string,
          ],
          { axis: attributes.axis },
        ),
      null,
    ]
  },
} satisfies Partial<Rules>
