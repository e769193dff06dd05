import { type Graph, type Node, operatorKey } from './graph.ts'
import { sizeOf, type TensorType } from './tensor.ts'

type Dims = (name: string | undefined) => readonly number[]

/** The multiply-adds of a node, for the operators that have most of them. */
const multiplyAdds: Readonly<Record<string, (node: Node, dims: Dims) => number>> = {
  Conv: (node, dims) => sizeOf(dims(node.outputs[0])) * sizeOf(dims(node.inputs[1]).slice(1)),
  ConvTranspose: (node, dims) =>
    sizeOf(dims(node.inputs[0])) * sizeOf(dims(node.inputs[1]).slice(1)),
  Gemm: (node, dims) => {
    const [rows = 1, columns = 1] = dims(node.inputs[0])
    const inner = node.attributes.transA?.value === 1 ? rows : columns
    return sizeOf(dims(node.outputs[0])) * inner
  },
  MatMul: (node, dims) => sizeOf(dims(node.outputs[0])) * (dims(node.inputs[0]).at(-1) ?? 1),
}

/** The multiply-adds of one run of a graph, in convolutions and matrix products alone. */
export function countMultiplyAdds(graph: Graph, types: ReadonlyMap<string, TensorType>): number {
  const dims: Dims = (name) => types.get(name ?? '')?.dims ?? []
  let total = 0
  for (const node of graph.nodes) total += multiplyAdds[operatorKey(node)]?.(node, dims) ?? 0
  return total
}

/** The number of values in all float parameters of a graph. */
export function countParameters(graph: Graph): number {
  let total = 0
  for (const { type, dims } of graph.initializers.values()) {
    if (type.startsWith('float')) total += sizeOf(dims)
  }
  return total
}
