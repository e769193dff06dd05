import type { Attribute, Attributes, Node } from './graph.ts'
import {
  type AttributeValues,
  type OperatorName,
  type OperatorSpec,
  operators,
} from './operators.ts'

/** The attributes of a node as plain values, defaults filled in. */
export function attributeValues<O extends OperatorName>(
  node: Node,
  operator: O,
): AttributeValues<O> {
  const values: Record<string, unknown> = {}
  const spec: OperatorSpec = operators[operator]
  for (const [name, { default: fallback }] of Object.entries(spec.attributes)) {
    values[name] = node.attributes[name]?.value ?? fallback
  }
  return values as AttributeValues<O>
}

/** Plain values as attributes, typed by the operator table; undefined ones are left out. */
export function typedAttributes(
  operator: OperatorName,
  values: Readonly<Record<string, unknown>>,
): Attributes {
  const attributes: Record<string, Attribute> = {}
  const spec: OperatorSpec = operators[operator]
  for (const [name, value] of Object.entries(values)) {
    const type = spec.attributes[name]?.type
    if (value !== undefined && type) attributes[name] = { type, value } as Attribute
  }
  return attributes
}
