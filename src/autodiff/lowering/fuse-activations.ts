import { consumersOf, type Graph, type Node, producersOf } from '../../graph/graph.ts'

/** Lets a convolution on blocks apply the Relu that alone reads its result, as ONNX Runtime does where it lays out the blocks itself. */
export function fuseActivations(graph: Graph): Graph {
  const producers = producersOf(graph)
  const consumers = consumersOf(graph)
  const results = new Set(graph.outputs.map(({ name }) => name))
  const fused = new Map<Node, Node | null>()
  for (const relu of graph.nodes) {
    const [between = ''] = relu.inputs
    const conv = producers.get(between)
    if (relu.operator !== 'Relu' || relu.domain !== '') continue
    if (conv?.operator !== 'Conv' || conv.domain !== 'com.microsoft.nchwc') continue
    if (consumers.get(between)?.length !== 1 || results.has(between)) continue
    fused.set(relu, null)
    fused.set(conv, {
      ...conv,
      outputs: relu.outputs,
      attributes: { ...conv.attributes, activation: { type: 'string', value: 'Relu' } },
    })
  }
  if (fused.size === 0) return graph
  const nodes = graph.nodes.flatMap((node) => {
    const changed = fused.get(node)
    return changed === null ? [] : [changed ?? node]
  })
  return { ...graph, nodes }
}
