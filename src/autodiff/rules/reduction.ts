import { elementTypes } from '../../graph/tensor.ts'
import { positiveAxis, type RuleContext, single, zerosLike } from '../rule.ts'
import type { Rules } from './differentiable.ts'

type Reduction =
  | 'ReduceL1'
  | 'ReduceL2'
  | 'ReduceLogSum'
  | 'ReduceLogSumExp'
  | 'ReduceMax'
  | 'ReduceMean'
  | 'ReduceMin'
  | 'ReduceProd'
  | 'ReduceSum'
  | 'ReduceSumSquare'

/** A reduction's gradient, given its result and cotangent with the reduced axes kept as ones. */
type Write<O extends Reduction> = (
  context: RuleContext<O>,
  values: {
    x: string
    y: string
    dy: string
    /** The number of values that each result was made of. */
    count: number
    /** Another reduction over the same axes, which it keeps as ones. */
    along: (operator: 'ReduceSum' | 'ReduceProd', value: string) => string
  },
) => string

function reduction<O extends Reduction>(write: Write<O>) {
  return single<O>((context, cotangent) => {
    const { builder, attributes, inputs, outputs, dims } = context
    const [x = '', given = ''] = inputs
    const from = dims(x)
    const listed = given === '' ? [] : context.numbers(given)
    const all = attributes.noop_with_empty_axes ? [] : from.map((_, axis) => axis)
    const axes = listed.length > 0 ? listed.map((axis) => positiveAxis(axis, from.length)) : all
    const kept = builder.int64s(from.map((dim, axis) => (axes.includes(axis) ? 1 : dim)))
    const keep = (value: string) =>
      attributes.keepdims ? value : builder.op('Reshape', [value, kept])
    const count = axes.reduce((product, axis) => product * (from[axis] as number), 1)
    const along = (operator: 'ReduceSum' | 'ReduceProd', value: string) =>
      axes.length === 0 ? value : builder.op(operator, [value, builder.int64s(axes)])
    return [
      () => {
        const y = keep(outputs[0] as string)
        const full = write(context, { x, y, dy: keep(cotangent), count, along })
        return builder.op('Expand', [full, builder.int64s(from)])
      },
      null,
    ]
  })
}

/** Equal extremes share the cotangent equally. */
function attained<O extends 'ReduceMax' | 'ReduceMin'>(): Write<O> {
  return ({ builder, type }, { x, y, dy, along }) => {
    const equal = builder.op('Cast', [builder.op('Equal', [x, y])], {
      to: elementTypes[type(x).type].code,
    })
    return builder.op('Mul', [equal, builder.op('Div', [dy, along('ReduceSum', equal)])])
  }
}

export const reductionRules = {
  CumSum: single(({ builder, attributes: { exclusive, reverse }, inputs }, dy) => [
    () => builder.op('CumSum', [dy, inputs[1]], { exclusive, reverse: 1 - reverse }),
    null,
  ]),
  ReduceL1: reduction(({ builder }, { x, dy }) => builder.op('Mul', [builder.op('Sign', [x]), dy])),
  // At zero, where the norm has no gradient, the subgradient zero.
  ReduceL2: reduction(({ builder, scalar }, { x, y, dy }) => {
    const none = builder.op('Equal', [y, scalar(0)])
    const norm = builder.op('Where', [none, scalar(1), y])
    return builder.op('Mul', [x, builder.op('Div', [dy, norm])])
  }),
  ReduceLogSum: reduction(({ builder }, { y, dy }) =>
    builder.op('Div', [dy, builder.op('Exp', [y])]),
  ),
  ReduceLogSumExp: reduction(({ builder }, { x, y, dy }) =>
    builder.op('Mul', [builder.op('Exp', [builder.op('Sub', [x, y])]), dy]),
  ),
  ReduceMax: reduction(attained()),
  ReduceMean: reduction(({ builder, scalar }, { dy, count }) =>
    builder.op('Div', [dy, scalar(count)]),
  ),
  ReduceMin: reduction(attained()),
  // The product of the others is the product of all that are not zero, divided by oneself; unless another one is zero.
  ReduceProd: reduction(({ builder, scalar, type }, { x, dy, along }) => {
    const isZero = builder.op('Equal', [x, scalar(0)])
    const zero = builder.op('Cast', [isZero], { to: elementTypes[type(x).type].code })
    const factor = builder.op('Where', [isZero, scalar(1), x])
    const others = builder.op('Div', [along('ReduceProd', factor), factor])
    const otherZeros = builder.op('Sub', [along('ReduceSum', zero), zero])
    const alone = builder.op('Equal', [otherZeros, scalar(0)])
    return builder.op('Mul', [dy, builder.op('Where', [alone, others, scalar(0)])])
  }),
  ReduceSum: reduction((_, { dy }) => dy),
  ReduceSumSquare: reduction(({ builder, scalar }, { x, dy }) =>
    builder.op('Mul', [x, builder.op('Mul', [dy, scalar(2)])]),
  ),
  TopK: single((context, dy) => {
    const { builder, attributes, inputs, outputs } = context
    const indices = outputs[1] as string
    const zeros = () => zerosLike(context, inputs[0] as string)
    return [
      () => builder.op('ScatterElements', [zeros(), indices, dy], { axis: attributes.axis }),
      null,
    ]
  }),
} satisfies Partial<Rules>
