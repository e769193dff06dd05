import { GraftError } from '../errors.ts'
import { attributeValues } from '../graph/attributes.ts'
import { createBuilder, type GraphBuilder } from '../graph/builder.ts'
import {
  constantsOf,
  dependentsOf,
  describeNode,
  type Graph,
  type Node,
  operatorKey,
} from '../graph/graph.ts'
import type { OperatorName } from '../graph/operators.ts'
import { elementTypes, numbersOf, type Tensor, type TensorType } from '../graph/tensor.ts'
import { lowestCut } from './lowest-cut.ts'
import type { RuleContext } from './rule.ts'
import { ruleOf, stopsGradient } from './rules/index.ts'

export type Derivatives = {
  /** The graph with the nodes of the backward pass appended. */
  readonly graph: Graph
  /** The name of the gradient of each value asked for; undefined where nothing depends on it. */
  readonly gradients: ReadonlyMap<string, string | undefined>
  /** The types given, and those of all cotangents. */
  readonly types: ReadonlyMap<string, TensorType>
}

/**
 * Reverse-mode differentiation of a graph (Griewank and Walther, 2008): walks the nodes backwards and appends, for every node on a
 * path from a value asked for to a seeded output, the nodes that its rule writes. What is on no such path is not touched.
 *
 * @param types the exact type of every value (see `inferTypes`)
 * @param seeds for each output, the name of the value that is its cotangent, of the same type
 * @param wrt inputs, parameters or intermediate values
 * @throws GraftError `unsupported` that names the node, where a path crosses an operator without a rule
 */
export function differentiate(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  seeds: ReadonlyMap<string, string>,
  wrt: readonly string[],
): Derivatives {
  const builder = createBuilder(graph.name, graph)
  const constants = constantsOf(graph)
  const needed = dependentsOf(graph, wrt)
  const cotangents = new Map<string, string[]>()
  const pulled = (value: string): string | undefined => {
    const parts = cotangents.get(value)
    if (!parts) return undefined
    const type = types.get(value)
    // Not one Sum of all: it has one thread.
    const sum = parts.reduce((one, other) => {
      const both = builder.op('Add', [one, other])
      if (type) known.set(both, type)
      return both
    })
    parts.splice(0, parts.length, sum)
    return sum
  }
  const known = new Map(types)
  const push = (value: string, cotangent: string) => {
    const type = types.get(value)
    if (type && !known.has(cotangent)) known.set(cotangent, type)
    const parts = cotangents.get(value)
    if (parts) parts.push(cotangent)
    else cotangents.set(value, [cotangent])
  }
  for (const [output, seed] of seeds) push(output, seed)

  for (const node of graph.nodes.toReversed()) {
    const key = operatorKey(node)
    if (!node.outputs.some((output) => needed.has(output)) || stopsGradient(key)) continue
    const incoming = node.outputs.map((output) => (output === '' ? undefined : pulled(output)))
    if (incoming.every((cotangent) => cotangent === undefined)) continue
    const rule = ruleOf(key)
    if (!rule) {
      throw new GraftError(
        'unsupported',
        `${describeNode(node)} has no gradient rule, and a trained layer lies below it: ${adviceOn(graph, types, seeds, needed)}`,
      )
    }
    const context = contextOf(node, key as OperatorName, builder, types, constants, graph)
    const gradients = rule(context, incoming)
    node.inputs.forEach((input, index) => {
      if (!needed.has(input)) return
      const write = gradients[index]
      if (write) push(input, write())
    })
  }
  const gradients = new Map(wrt.map((name) => [name, pulled(name)]))
  return { graph: builder.build(), gradients, types: known }
}

/** What to freeze, so that no gradient reaches an operator without a rule. */
function adviceOn(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  seeds: ReadonlyMap<string, string>,
  needed: ReadonlySet<string>,
): string {
  const cut = lowestCut(graph, types, [...seeds.keys()], needed)
  return cut === undefined
    ? 'nothing above it can be trained'
    : `freeze everything up to "${cut}", the lowest cut above all such operators`
}

function contextOf(
  node: Node,
  key: OperatorName,
  builder: GraphBuilder,
  types: ReadonlyMap<string, TensorType>,
  constants: ReadonlyMap<string, Tensor>,
  graph: Graph,
): RuleContext {
  const type = (value: string): TensorType => {
    const found = types.get(value)
    if (!found) {
      throw new GraftError('internal', `${describeNode(node)}: the type of "${value}" is unknown`)
    }
    return found
  }
  const constant = (value: string | undefined) =>
    value === undefined ? undefined : (constants.get(value) ?? graph.initializers.get(value))
  const output = node.outputs.find((name) => name !== '') as string
  return {
    node,
    attributes: attributeValues(node, key),
    inputs: node.inputs,
    outputs: node.outputs,
    builder,
    type,
    dims: (value) => type(value).dims,
    constant,
    numbers(value) {
      const found = constant(value)
      if (found) return numbersOf(found)
      throw new GraftError(
        'unsupported',
        `${describeNode(node)}: "${value}" is computed from data, but its gradient needs it to be constant`,
      )
    },
    scalar: (value) => builder.scalar(value, isFloat(type(output)) ? type(output).type : 'float32'),
  }
}

function isFloat({ type }: TensorType): boolean {
  return elementTypes[type].array === Float32Array || type === 'float64'
}
