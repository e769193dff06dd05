import type { GraphBuilder } from '../graph/builder.ts'
import type { OperatorName } from '../graph/operators.ts'
import type { ElementType, Tensor, TensorType } from '../graph/tensor.ts'

/** A graph that grows, and what is known of its values: those of a graph that is differentiated later need exact types. */
export type TypedWriting = {
  readonly builder: GraphBuilder
  readonly known: Map<string, TensorType>
}

/** Appends an operator whose result has these dimensions. */
export function typedOp(
  { builder, known }: TypedWriting,
  operator: OperatorName,
  inputs: readonly string[],
  dims: readonly number[],
  attributes = {},
  type: ElementType = 'float32',
): string {
  const value = builder.op(operator, inputs, attributes)
  known.set(value, { type, dims })
  return value
}

/** Appends a constant. */
export function typedConstant({ builder, known }: TypedWriting, tensor: Tensor): string {
  const value = builder.constant(tensor)
  known.set(value, { type: tensor.type, dims: tensor.dims })
  return value
}
