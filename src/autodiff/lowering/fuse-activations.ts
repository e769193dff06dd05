import { typedAttributes } from '../../graph/attributes.ts'
import {
  type Attributes,
  constantsOf,
  consumersOf,
  type Graph,
  type Node,
  producersOf,
} from '../../graph/graph.ts'
import type { Tensor } from '../../graph/tensor.ts'

/**
 * Lets a convolution on blocks apply the Relu or Clip that alone reads its result, as ONNX Runtime does where it lays out the blocks
 * itself.
 */
export function fuseActivations(graph: Graph): Graph {
  const producers = producersOf(graph)
  const consumers = consumersOf(graph)
  const constants = constantsOf(graph)
  const results = new Set(graph.outputs.map(({ name }) => name))
  const fused = new Map<Node, Node | null>()
  for (const node of graph.nodes) {
    const [between = ''] = node.inputs
    const conv = producers.get(between)
    if (conv?.operator !== 'Conv' || conv.domain !== 'com.microsoft.nchwc') continue
    const activation = activationOf(node, constants)
    if (!activation || consumers.get(between)?.length !== 1 || results.has(between)) continue
    fused.set(node, null)
    const attributes = { ...conv.attributes, ...activation }
    fused.set(conv, { ...conv, outputs: node.outputs, attributes })
  }
  if (fused.size === 0) return graph
  const nodes = graph.nodes.flatMap((node) => {
    const changed = fused.get(node)
    return changed === null ? [] : [changed ?? node]
  })
  return { ...graph, nodes }
}

function activationOf(
  { operator, domain, inputs }: Node,
  constants: ReadonlyMap<string, Tensor>,
): Attributes | null {
  if (domain !== '') return null
  const fused = (activation: string, activation_params?: readonly number[]) =>
    typedAttributes('com.microsoft.nchwc.Conv', { activation, activation_params })
  if (operator === 'Relu') return fused('Relu')
  const bounds = inputs.slice(1).map((name) => constants.get(name)?.data[0])
  if (operator !== 'Clip' || bounds.length !== 2 || bounds.includes(undefined)) return null
  return fused('Clip', bounds.map(Number))
}
