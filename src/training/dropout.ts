import { createBuilder } from '../graph/builder.ts'
import { constantsOf, type Graph, type Node } from '../graph/graph.ts'
import { sizeOf, type Tensor, type TensorType } from '../graph/tensor.ts'
import type { Random } from '../random.ts'

/** The mask that one dropout layer is fed at every step. */
export type DropoutMask = {
  readonly input: string
  readonly dims: readonly number[]
  readonly rate: number
}

/**
 * Replaces dropout by a product with a mask that is fed: ONNX Runtime's own random operators do not repeat between runs, and repeat between
 * sessions.
 */
export function feedDropout(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
): { readonly graph: Graph; readonly masks: readonly DropoutMask[] } {
  const constants = constantsOf(graph)
  const masks: DropoutMask[] = []
  const builder = createBuilder(graph.name, graph)
  const nodes = graph.nodes.map((node): Node => {
    if (node.operator !== 'Dropout') return node
    const [x = '', ratio = ''] = node.inputs
    const rate = Number((constants.get(ratio) ?? graph.initializers.get(ratio))?.data[0] ?? 0.5)
    const { dims } = types.get(x) as TensorType
    const input = builder.input(builder.fresh('dropout mask'), 'float32', dims)
    masks.push({ input, dims, rate })
    return {
      ...node,
      operator: 'Mul',
      inputs: [x, input],
      outputs: node.outputs.slice(0, 1),
      attributes: {},
    }
  })
  return { graph: { ...builder.build(), nodes }, masks }
}

/** A fresh mask: zero with probability `rate`, else the inverse of what is kept. */
export function drawMask({ dims, rate }: DropoutMask, random: Random): Tensor {
  const data = new Float32Array(sizeOf(dims))
  const kept = 1 / (1 - rate)
  for (let i = 0; i < data.length; i++) data[i] = random.uniform() < rate ? 0 : kept
  return { type: 'float32', dims, data }
}
