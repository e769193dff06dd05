import { attributeValues, typedAttributes } from '../graph/attributes.ts'
import { constantsOf, type Graph } from '../graph/graph.ts'
import type { TensorType } from '../graph/tensor.ts'
import { windowGeometry } from './geometry.ts'

/**
 * Leaves it to the lowering how convolutions are run whose kernel changes from step to step. ONNX Runtime lays out and fuses those with
 * constant kernels by itself.
 */
export function exposeTrainedConvolutions(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
): Graph {
  const constants = constantsOf(graph)
  const nodes = graph.nodes.map((node) => {
    const [x = '', w = ''] = node.inputs
    const [dims, kernel] = [types.get(x)?.dims, types.get(w)?.dims]
    const output = types.get(node.outputs[0] as string)?.dims
    const isFixed = graph.initializers.has(w) || constants.has(w)
    if (node.operator !== 'Conv' || node.domain !== '' || isFixed) return node
    if (!dims || !kernel || !output) return node
    const attributes = attributeValues(node, 'Conv')
    return {
      ...node,
      domain: 'graft',
      attributes: typedAttributes('graft.Conv', {
        ...windowGeometry(attributes, dims.slice(2), kernel.slice(2)),
        group: attributes.group,
        dims,
        output_dims: output,
      }),
    }
  })
  return { ...graph, nodes, opsets: { ...graph.opsets, graft: 1 } }
}
