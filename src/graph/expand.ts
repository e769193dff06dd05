import { GraftError } from '../errors.ts'
import { describeNode, type Node, type Subgraph } from './graph.ts'
import { type GraphNames, mapSubgraphs, namesIn, renameNodes, renameValues } from './subgraphs.ts'
import type { Tensor } from './tensor.ts'

/** What takes the place of a node. */
export type Expansion = {
  readonly nodes: readonly Node[]
  readonly initializers?: ReadonlyMap<string, Tensor>
  /** Outputs of the node that none of the new nodes computes, and the value that each of them is. */
  readonly aliases: ReadonlyMap<string, string>
}

export type Expander = {
  /** What a node is replaced by; undefined where it stays. */
  expand(node: Node): Expansion | undefined
  /** The expander for the subgraphs of nodes that stay. */
  inner(subgraph: Subgraph): Expander
}

const deepest = 200
const mostNodes = 100_000

/**
 * Replaces nodes by others, and those by others again, also inside the nodes that stay.
 *
 * @throws GraftError `bad-model` where that does not come to an end, `unsupported` where it grows beyond 100,000 nodes
 */
export function expandNodes<G extends Subgraph>(graph: G, expander: Expander): G {
  const nodes: Node[] = []
  const initializers = new Map(graph.initializers)
  const links = new Map<string, string>()
  const link = (name: string) => links.get(name) ?? name
  const visit = (original: Node, depth: number) => {
    const node = links.size > 0 ? renameValues(original, link) : original
    const expansion = expander.expand(node)
    if (!expansion) {
      nodes.push(mapSubgraphs(node, (subgraph) => expandNodes(subgraph, expander.inner(subgraph))))
      return
    }
    if (depth > deepest) {
      throw new GraftError('bad-model', `${describeNode(node)} contains itself without end`)
    }
    if (nodes.length > mostNodes) {
      throw new GraftError('unsupported', `${describeNode(node)} grows beyond 100,000 nodes`)
    }
    for (const [name, value] of expansion.initializers ?? []) initializers.set(name, value)
    for (const inner of expansion.nodes) visit(inner, depth + 1)
    for (const [output, value] of expansion.aliases) links.set(output, link(value))
  }
  for (const node of graph.nodes) visit(node, 0)
  for (const { name } of graph.outputs) {
    if (links.has(name)) nodes.push(identity(link(name), name))
  }
  return { ...graph, nodes, initializers }
}

function identity(from: string, to: string): Node {
  return {
    name: to,
    operator: 'Identity',
    domain: '',
    inputs: [from],
    outputs: [to],
    attributes: {},
  }
}

/** Nodes that a node is replaced by: a function's, a branch's or those of one turn of a loop. */
export type Body = Pick<Subgraph, 'nodes' | 'initializers'> & {
  /** The names of its results. */
  readonly results: readonly string[]
}

/**
 * The body with a name that is free for each value it defines and each node.
 *
 * @param given the values that take the place of its inputs
 * @param outputs the names that its results must get, as far as it computes them; the others are aliases
 * @param label what a new name is made from
 */
export function instantiate(
  body: Body,
  given: ReadonlyMap<string, string>,
  outputs: readonly string[],
  names: GraphNames,
  label: (name: string) => string,
): Required<Expansion> & { readonly results: readonly string[] } {
  const links = new Map(given)
  const computed = new Set(body.nodes.flatMap((node) => node.outputs))
  body.results.forEach((result, index) => {
    const output = outputs[index] ?? ''
    if (output !== '' && computed.has(result) && !links.has(result)) links.set(result, output)
  })
  for (const name of namesIn({ ...body, name: '', inputs: [], outputs: [] })) {
    if (!links.has(name)) links.set(name, names.values.fresh(label(name)))
  }
  const link = (name: string) => links.get(name) ?? name
  const results = body.results.map(link)
  return {
    nodes: body.nodes.map((node) =>
      renameNodes(renameValues(node, link), (name) => names.nodes.fresh(label(name))),
    ),
    initializers: new Map([...body.initializers].map(([name, value]) => [link(name), value])),
    results,
    aliases: new Map(
      outputs.flatMap((output, index) => {
        const result = results[index] as string
        return output === '' || output === result ? [] : [[output, result] as const]
      }),
    ),
  }
}

/** What a subgraph computes, without its inputs. */
export function bodyOf({ nodes, initializers, outputs }: Subgraph): Body {
  return { nodes, initializers, results: outputs.map(({ name }) => name) }
}
