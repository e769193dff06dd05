import { createBuilder, type GraphBuilder } from './builder.ts'
import { type Graph, pruneTo } from './graph.ts'
import { namesIn, renameValues } from './subgraphs.ts'
import type { TensorType } from './tensor.ts'

/** Continues a graph: `write` adds nodes after it and returns the one value that is its output from now on. */
export function extend(graph: Graph, write: (builder: GraphBuilder) => string): Graph {
  const builder = createBuilder(graph.name, { ...graph, outputs: [] })
  builder.output(write(builder))
  return builder.build()
}

/** Puts nodes before the only input of a graph: `write` declares the new inputs and returns the value that takes its place. */
export function prepend(
  graph: Graph,
  input: string,
  write: (builder: GraphBuilder) => string,
): Graph {
  const others = graph.inputs.filter(({ name }) => name !== input)
  const rest = { ...graph, inputs: others }
  const builder = createBuilder(graph.name, { ...rest, nodes: [] }, namesIn(rest))
  const replacement = write(builder)
  const grown = builder.build()
  const link = (name: string) => (name === input ? replacement : name)
  return {
    ...grown,
    nodes: [...grown.nodes, ...graph.nodes.map((node) => renameValues(node, link))],
  }
}

/** The part of a graph that computes one value, which becomes its only output. */
export function cutAt(graph: Graph, value: string): Graph {
  return pruneTo(graph, [{ name: value }])
}

/** The part of a graph after one value, which becomes its only input; null where that part reads other inputs too. */
export function continueFrom(
  graph: Graph,
  value: string,
  { type, dims }: TensorType,
): Graph | null {
  const input = { name: value, type, dims: ['N', ...dims.slice(1)] }
  const rest = pruneTo(
    {
      ...graph,
      inputs: [...graph.inputs, input],
      nodes: graph.nodes.filter(({ outputs }) => !outputs.includes(value)),
    },
    graph.outputs,
  )
  return rest.inputs.length === 1 && rest.inputs[0]?.name === value ? rest : null
}
