import type { ElementType, Tensor } from './tensor.ts'

/** An attribute of a node, with the type under which ONNX stores it. */
export type Attribute =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensor'; readonly value: Tensor }
  | { readonly type: 'graph'; readonly value: Subgraph }

export type Attributes = Readonly<Record<string, Attribute>>

/** One application of an operator. Values are named; an omitted optional input or output is the empty string. */
export type Node = {
  readonly name: string
  readonly operator: string
  /** The empty string is the standard domain, `ai.onnx`. */
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
}

/** A named value at the border of a graph; a dimension that is not fixed has a name. */
export type ValueInfo = {
  readonly name: string
  readonly type: ElementType
  readonly dims: readonly (number | string)[]
}

/** A named result; what is not said of it is inferred by whoever runs the graph. */
export type OutputInfo = {
  readonly name: string
  readonly type?: ElementType
  readonly dims?: readonly (number | string)[]
}

/** A graph inside a node, such as a branch of `If`. Its nodes may also read what the graphs around it define. */
export type Subgraph = {
  readonly name: string
  /** What the node feeds; types may be left to inference. */
  readonly inputs: readonly OutputInfo[]
  readonly outputs: readonly OutputInfo[]
  readonly nodes: readonly Node[]
  readonly initializers: ReadonlyMap<string, Tensor>
}

/**
 * An ONNX graph with its parameters. Nodes are in topological order. Every float initializer is a parameter; constants that
 * nobody trains are `Constant` nodes.
 */
export type Graph = Omit<Subgraph, 'inputs'> & {
  /** Operator set version by domain; the standard domain is the empty string. */
  readonly opsets: Readonly<Record<string, number>>
  readonly inputs: readonly ValueInfo[]
  readonly metadata: Readonly<Record<string, string>>
}

/** How messages name a node: by its name, or by what it computes. */
export function describeNode(node: Node): string {
  const output = node.outputs.find((name) => name !== '') ?? ''
  return `${operatorKey(node)} node "${node.name || output}"`
}

/** The key of a node's operator in the operator table: its name, after its domain where that is not the standard one. */
export function operatorKey(node: { operator: string; domain: string }): string {
  return node.domain === '' ? node.operator : `${node.domain}.${node.operator}`
}

/** The graphs inside a node: none, but for control flow. */
export function subgraphsOf(node: Node): Subgraph[] {
  const subgraphs: Subgraph[] = []
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.type === 'graph') subgraphs.push(attribute.value)
  }
  return subgraphs
}

/** All values that a node reads: its inputs, and what its subgraphs take from the graphs around them. */
export function inputsOf(node: Node): readonly string[] {
  const subgraphs = subgraphsOf(node)
  if (subgraphs.length === 0) return node.inputs
  return [...node.inputs, ...subgraphs.flatMap((subgraph) => [...capturedBy(subgraph)])]
}

/** The values that a subgraph reads and does not define. */
function capturedBy({ inputs, initializers, nodes, outputs }: Subgraph): Set<string> {
  const defined = new Set([...inputs.map(({ name }) => name), ...initializers.keys(), ''])
  const captured = new Set<string>()
  const read = (name: string) => {
    if (!defined.has(name)) captured.add(name)
  }
  for (const node of nodes) {
    inputsOf(node).forEach(read)
    for (const output of node.outputs) defined.add(output)
  }
  for (const { name } of outputs) read(name)
  return captured
}

/** The values of all `Constant` nodes by name. */
export function constantsOf(graph: Graph): Map<string, Tensor> {
  const constants = new Map<string, Tensor>()
  for (const node of graph.nodes) {
    const value = node.operator === 'Constant' ? node.attributes.value : undefined
    if (value?.type === 'tensor') constants.set(node.outputs[0] as string, value.value)
  }
  return constants
}

/** The node that computes each value. */
export function producersOf(graph: Graph): Map<string, Node> {
  const producers = new Map<string, Node>()
  for (const node of graph.nodes) for (const output of node.outputs) producers.set(output, node)
  return producers
}

/** The nodes that read each value. */
export function consumersOf(graph: Graph): Map<string, Node[]> {
  const consumers = new Map<string, Node[]>()
  for (const node of graph.nodes) {
    for (const input of new Set(inputsOf(node))) {
      const readers = consumers.get(input)
      if (readers) readers.push(node)
      else consumers.set(input, [node])
    }
  }
  return consumers
}

/** The values that depend on any of the given ones, themselves included. */
export function dependentsOf(graph: Graph, values: Iterable<string>): Set<string> {
  const reached = new Set(values)
  for (const node of graph.nodes) {
    if (!inputsOf(node).some((input) => reached.has(input))) continue
    for (const output of node.outputs) if (output !== '') reached.add(output)
  }
  return reached
}

/** The graph with only the nodes and initializers that the given outputs need. */
export function pruneTo(graph: Graph, outputs: readonly OutputInfo[]): Graph {
  const wanted = new Set(outputs.map((output) => output.name))
  const nodes: Node[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue
    nodes.push(node)
    for (const input of inputsOf(node)) wanted.add(input)
  }
  return {
    ...graph,
    outputs,
    nodes: nodes.reverse(),
    initializers: new Map([...graph.initializers].filter(([name]) => wanted.has(name))),
    inputs: graph.inputs.filter((input) => wanted.has(input.name)),
  }
}
