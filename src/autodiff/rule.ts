import type { GraphBuilder } from '../graph/builder.ts'
import type { Node } from '../graph/graph.ts'
import type { AttributeValues, OperatorName } from '../graph/operators.ts'
import type { Tensor, TensorType } from '../graph/tensor.ts'

/** What a gradient rule may know of the node whose gradient it writes. */
export type RuleContext<O extends OperatorName = OperatorName> = {
  readonly node: Node
  readonly attributes: AttributeValues<O>
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly builder: GraphBuilder
  /** The exact type of a value of the forward graph; throws `internal` where it is unknown. */
  type(value: string): TensorType
  /** The dimensions of a value of the forward graph. */
  dims(value: string): readonly number[]
  /** The value of a constant; undefined where it is computed from data. */
  constant(value: string | undefined): Tensor | undefined
  /** The value of a constant as numbers; throws `unsupported` that names the node where it is computed from data. */
  numbers(value: string): number[]
  /** A constant of no dimensions, of the element type of the node's result. */
  scalar(value: number): string
}

/** Writes the gradient with respect to one input; null where there is none to write. */
export type InputGradient = (() => string) | null

/**
 * The vector-Jacobian product of an operator: for each input, in order, how to write its gradient, given the cotangents of the
 * outputs (undefined for an output that nothing depends on). Only the gradients that somebody needs are written.
 */
export type Rule<O extends OperatorName = OperatorName> = (
  context: RuleContext<O>,
  cotangents: readonly (string | undefined)[],
) => readonly InputGradient[]

/** A rule for an operator with a single output. */
export function single<O extends OperatorName>(
  write: (context: RuleContext<O>, cotangent: string) => readonly InputGradient[],
): Rule<O> {
  return (context, cotangents) => write(context, cotangents[0] as string)
}

/** A rule for an operator with one input and one output of the same dimensions. */
export function elementwise<O extends OperatorName>(
  write: (context: RuleContext<O>, values: { x: string; y: string; dy: string }) => string,
): Rule<O> {
  return single((context, dy) => {
    const [x = ''] = context.inputs
    const [y = ''] = context.outputs
    return [() => write(context, { x, y, dy })]
  })
}

/** A rule whose gradients still have the broadcast dimensions of the result: sums them down to those of each input. */
export function broadcast<O extends OperatorName>(rule: Rule<O>): Rule<O> {
  return (context, cotangents) =>
    rule(context, cotangents).map((gradient, index) => {
      const input = context.inputs[index]
      if (!gradient || !input) return null
      return () =>
        sumTo(
          context.builder,
          gradient(),
          context.dims(context.outputs[0] as string),
          context.dims(input),
        )
    })
}

/** Sums a value of dimensions `from` over the axes along which `to` was broadcast. */
export function sumTo(
  builder: GraphBuilder,
  value: string,
  from: readonly number[],
  to: readonly number[],
): string {
  const lead = from.length - to.length
  const axes = from.flatMap((dim, axis) =>
    axis < lead || (to[axis - lead] === 1 && dim !== 1) ? [axis] : [],
  )
  if (axes.length === 0) return value
  const sum = builder.op('ReduceSum', [value, builder.int64s(axes)], { keepdims: 0 })
  return axes.length === lead ? sum : builder.op('Reshape', [sum, builder.int64s(to)])
}

/** Zeros of the dimensions of a value. */
export function zerosLike(context: RuleContext, value: string): string {
  const { builder, scalar, dims } = context
  return builder.op('Expand', [scalar(0), builder.int64s(dims(value))])
}

/** An axis, counted from the front. */
export function positiveAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}

/** Zeros before and after along one axis; negative counts crop. */
export function padAxis(
  builder: GraphBuilder,
  value: string,
  rank: number,
  axis: number,
  before: number,
  after: number,
): string {
  if (before === 0 && after === 0) return value
  const pads = Array<number>(rank * 2).fill(0)
  pads[axis] = before
  pads[axis + rank] = after
  return builder.op('Pad', [value, builder.int64s(pads)])
}
