import { type Node, type Subgraph, subgraphsOf } from './graph.ts'

/** The subgraph that a node has under a name. */
export function subgraphOf(node: Node, name: string): Subgraph | undefined {
  const attribute = node.attributes[name]
  return attribute?.type === 'graph' ? attribute.value : undefined
}

/** The node with each of its subgraphs changed. */
export function mapSubgraphs(node: Node, change: (subgraph: Subgraph) => Subgraph): Node {
  if (subgraphsOf(node).length === 0) return node
  const attributes = Object.entries(node.attributes).map(([name, attribute]) => [
    name,
    attribute.type === 'graph' ? { type: 'graph', value: change(attribute.value) } : attribute,
  ])
  return { ...node, attributes: Object.fromEntries(attributes) }
}

/** The node with its values renamed, also inside its subgraphs: what they read, and what they define. */
export function renameValues(node: Node, rename: (name: string) => string): Node {
  const renamed = {
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }
  return mapSubgraphs(renamed, (subgraph) => ({
    ...subgraph,
    inputs: subgraph.inputs.map((input) => ({ ...input, name: rename(input.name) })),
    outputs: subgraph.outputs.map((output) => ({ ...output, name: rename(output.name) })),
    initializers: new Map([...subgraph.initializers].map(([name, value]) => [rename(name), value])),
    nodes: subgraph.nodes.map((inner) => renameValues(inner, rename)),
  }))
}

/** The node with its own name and those of the nodes inside it changed. */
export function renameNodes(node: Node, rename: (name: string) => string): Node {
  const renamed = { ...node, name: node.name && rename(node.name) }
  return mapSubgraphs(renamed, (subgraph) => ({
    ...subgraph,
    nodes: subgraph.nodes.map((inner) => renameNodes(inner, rename)),
  }))
}

/** The names of all values that a graph defines, also inside its nodes; one that is defined twice appears twice. */
export function namesIn({ inputs, initializers, nodes }: Subgraph): string[] {
  return [
    ...inputs.map(({ name }) => name),
    ...initializers.keys(),
    ...nodes.flatMap((node) => [
      ...node.outputs.filter((name) => name !== ''),
      ...subgraphsOf(node).flatMap(namesIn),
    ]),
  ]
}

/** The names of all nodes that have one, also inside other nodes. */
export function nodeNamesIn({ nodes }: Pick<Subgraph, 'nodes'>): string[] {
  return nodes.flatMap((node) => [
    ...(node.name === '' ? [] : [node.name]),
    ...subgraphsOf(node).flatMap(nodeNamesIn),
  ])
}

/** The names in use, and new ones. */
export type Names = {
  /** A name that is not in use, `stem` itself where it can be; it is in use from now on. */
  fresh(stem: string): string
  /** Counts one more use of each name. */
  claim(names: Iterable<string>): void
  /** Gives up one use of each name. */
  release(names: Iterable<string>): void
}

/** Names of which some are in use. */
export function createNames(used: Iterable<string>): Names {
  const uses = new Map<string, number>()
  const claim = (names: Iterable<string>) => {
    for (const name of names) uses.set(name, (uses.get(name) ?? 0) + 1)
  }
  claim(used)
  return {
    claim,
    fresh(stem) {
      let name = stem
      for (let count = 2; (uses.get(name) ?? 0) > 0; count++) name = `${stem}_${count}`
      uses.set(name, 1)
      return name
    },
    release(names) {
      for (const name of names) uses.set(name, (uses.get(name) ?? 1) - 1)
    },
  }
}

/** The names of a graph's values, and of its nodes: ONNX Runtime wants both to be unique. */
export type GraphNames = { readonly values: Names; readonly nodes: Names }

export function namesOf(graph: Subgraph): GraphNames {
  return { values: createNames(namesIn(graph)), nodes: createNames(nodeNamesIn(graph)) }
}
