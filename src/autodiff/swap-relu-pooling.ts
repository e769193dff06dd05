import { consumersOf, type Graph, type Node, producersOf } from '../graph/graph.ts'
import type { TensorType } from '../graph/tensor.ts'

/**
 * Writes MaxPool(Relu(x)) as Relu(MaxPool(x)), which is the same, since both keep the order of values: the backward pass then masks
 * the small map instead of the large one.
 */
export function swapReluPooling(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
): { readonly graph: Graph; readonly types: ReadonlyMap<string, TensorType> } {
  const producers = producersOf(graph)
  const consumers = consumersOf(graph)
  const results = new Set(graph.outputs.map(({ name }) => name))
  const known = new Map(types)
  const moved = new Map<Node, readonly Node[]>()
  for (const pool of graph.nodes) {
    const [activated = ''] = pool.inputs
    const relu = producers.get(activated)
    const alone = consumers.get(activated)?.length === 1 && !results.has(activated)
    if (pool.operator !== 'MaxPool' || pool.outputs.length > 1 || !alone) continue
    if (relu?.operator !== 'Relu' || relu.domain !== '' || moved.has(relu)) continue
    const [pooled = ''] = pool.outputs
    const type = types.get(pooled)
    if (!type) continue
    // The name of the activated map now stands for the pooled one.
    known.set(activated, type)
    moved.set(relu, [])
    moved.set(pool, [
      { ...pool, inputs: relu.inputs, outputs: [activated] },
      { ...relu, inputs: [activated], outputs: [pooled] },
    ])
  }
  if (moved.size === 0) return { graph, types }
  return {
    graph: { ...graph, nodes: graph.nodes.flatMap((node) => moved.get(node) ?? [node]) },
    types: known,
  }
}
