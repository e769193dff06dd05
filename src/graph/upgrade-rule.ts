import type { Attribute, Node } from './graph.ts'
import { int64, type Tensor } from './tensor.ts'

/** What a rewriting may add before its node. */
export type Context = {
  /** Adds a constant before the node and returns its name. */
  constant(value: Tensor): string
  /** Adds a node before this one and returns its output. */
  before(operator: string, inputs: readonly string[], attributes?: Node['attributes']): string
}

/** How a node of an older operator set is written in later ones. */
export type Upgrade = {
  readonly operators: readonly string[]
  /** Applies to nodes of operator sets before this one. */
  readonly before: number
  rewrite(node: Node, context: Context): Node
}

/** The attributes of a node but for some. */
export const without = (node: Node, ...names: string[]): Node['attributes'] =>
  Object.fromEntries(Object.entries(node.attributes).filter(([name]) => !names.includes(name)))

/** Moves an attribute to the input where later operator sets have it. */
export function attributeToInput(
  attribute: string,
  index: number,
  convert: (value: Attribute) => Tensor,
): Upgrade['rewrite'] {
  return (node, { constant }) => {
    const given = node.attributes[attribute]
    const attributes = without(node, attribute)
    if (!given) return { ...node, attributes }
    const inputs = [...node.inputs]
    while (inputs.length <= index) inputs.push('')
    inputs[index] = constant(convert(given))
    return { ...node, inputs, attributes }
  }
}

/** The value of an attribute of integers as a tensor. */
export const vector = ({ value }: Attribute) =>
  int64([(value as number[]).length], value as number[])
