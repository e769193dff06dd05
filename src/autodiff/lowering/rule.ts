import type { GraphBuilder } from '../../graph/builder.ts'
import type { AttributeValues, OperatorName } from '../../graph/operators.ts'
import type { ElementType } from '../../graph/tensor.ts'

/** The operators of our own, which no runtime knows. */
export type GradientOperator = Extract<OperatorName, `graft.${string}`>

/** The attributes of a node when it is lowered; those of our own operators are always complete. */
export type Given<O extends OperatorName> = O extends GradientOperator
  ? { readonly [A in keyof AttributeValues<O>]-?: NonNullable<AttributeValues<O>[A]> }
  : AttributeValues<O>

/** Writes an operator of our own, on elements of some type, as standard operators; returns the names of its outputs. */
export type Lower<O extends GradientOperator> = (
  builder: GraphBuilder,
  inputs: readonly string[],
  attributes: Given<O>,
  element: ElementType,
) => readonly string[]
