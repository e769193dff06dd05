import { GraftError } from '../errors.ts'
import {
  describeNode,
  type Graph,
  type Node,
  operatorKey,
  type Subgraph,
  subgraphsOf,
} from './graph.ts'
import { isKnownOperator, type OperatorSpec, operators } from './operators.ts'

/** A rule that every node has to keep; it returns what is wrong. */
type NodeRule = (node: Node, spec: OperatorSpec | undefined) => string | undefined

const between = (count: number, [least, most]: readonly [number, number]) =>
  count >= least && count <= most

const range = ([least, most]: readonly [number, number]) =>
  least === most
    ? `${least}`
    : most === Number.POSITIVE_INFINITY
      ? `at least ${least}`
      : `${least} to ${most}`

const nodeRules: readonly NodeRule[] = [
  (node, spec) =>
    spec && !between(node.inputs.length, spec.inputs)
      ? `takes ${range(spec.inputs)} inputs, not ${node.inputs.length}`
      : undefined,
  (node, spec) =>
    spec && !between(node.outputs.length, spec.outputs)
      ? `has ${range(spec.outputs)} outputs, not ${node.outputs.length}`
      : undefined,
  (node, spec) => {
    const unknown = spec && Object.keys(node.attributes).find((name) => !spec.attributes[name])
    return unknown ? `has no attribute "${unknown}"` : undefined
  },
  (node, spec) => {
    for (const [name, attribute] of Object.entries(node.attributes)) {
      const wanted = spec?.attributes[name]?.type
      if (wanted && wanted !== attribute.type) {
        return `wants attribute "${name}" as ${wanted}, not ${attribute.type}`
      }
    }
    return undefined
  },
]

/**
 * Holds a graph against the operator table: arity and attributes of every known operator, every value defined once and before
 * it is used, every output there. Subgraphs likewise; they also see what is defined around them.
 *
 * @throws GraftError `bad-model` that names the node.
 */
export function verify(graph: Graph): void {
  verifyWithin(graph, new Set())
}

function verifyWithin(graph: Subgraph, around: ReadonlySet<string>): void {
  const own = new Set(graph.initializers.keys())
  const isDefined = (name: string) => own.has(name) || around.has(name)
  for (const { name } of graph.inputs) {
    if (own.has(name)) throw new GraftError('bad-model', `two values are named "${name}"`)
    own.add(name)
  }
  for (const node of graph.nodes) {
    const key = operatorKey(node)
    const spec = isKnownOperator(key) ? operators[key] : undefined
    for (const rule of nodeRules) {
      const wrong = rule(node, spec)
      if (wrong) throw new GraftError('bad-model', `${describeNode(node)} ${wrong}`)
    }
    for (const input of node.inputs) {
      if (input !== '' && !isDefined(input)) {
        throw new GraftError(
          'bad-model',
          `${describeNode(node)} reads "${input}", which nothing defines before it`,
        )
      }
    }
    const subgraphs = subgraphsOf(node)
    if (subgraphs.length > 0) {
      const visible = new Set([...around, ...own])
      for (const subgraph of subgraphs) verifyWithin(subgraph, visible)
    }
    for (const output of node.outputs) {
      if (output === '') continue
      if (own.has(output)) {
        throw new GraftError('bad-model', `${describeNode(node)} defines "${output}" a second time`)
      }
      own.add(output)
    }
  }
  for (const { name } of graph.outputs) {
    if (!isDefined(name)) throw new GraftError('bad-model', `nothing computes the output "${name}"`)
  }
}
