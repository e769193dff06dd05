import { attributeValues } from '../graph/attributes.ts'
import { rebuild } from '../graph/builder.ts'
import { consumersOf, type Graph, type Node, producersOf } from '../graph/graph.ts'
import type { OperatorName } from '../graph/operators.ts'
import { sizeOf, type TensorType } from '../graph/tensor.ts'

/**
 * Moves a batch normalization with frozen statistics into the convolution before it, whose kernel and bias become products with what the
 * normalization multiplies by: neither pass then touches the map once more, and the gradient of the scale is a sum over the kernel.
 *
 * @param trainable names of parameters; a pair of which none is trained stays as it is, for ONNX Runtime to fold once and for all
 * @param byPixel names of kernels [F, C, height, width] that are at hand as [F, height, width, C]: they are multiplied in that order
 */
export function foldNormalization(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  trainable: ReadonlySet<string>,
  byPixel: ReadonlySet<string>,
): { readonly graph: Graph; readonly types: ReadonlyMap<string, TensorType> } {
  const producers = producersOf(graph)
  const consumers = consumersOf(graph)
  const results = new Set(graph.outputs.map(({ name }) => name))
  const folded = new Map<Node, Node>()
  for (const node of graph.nodes) {
    if (node.operator !== 'BatchNormalization' || node.domain !== '') continue
    const [x = ''] = node.inputs
    const conv = producers.get(x)
    if (conv?.operator !== 'Conv' || conv.domain !== '') continue
    const isAlone = consumers.get(x)?.length === 1 && !results.has(x)
    const isTrained = [...conv.inputs, ...node.inputs].some((name) => trainable.has(name))
    const isFrozen = node.attributes.training_mode?.value !== 1
    if (isAlone && isTrained && isFrozen && types.get(x)?.type === 'float32') folded.set(node, conv)
  }
  if (folded.size === 0) return { graph, types }

  const known = new Map(types)
  const builder = rebuild(graph)
  const gone = new Set(folded.values())
  for (const node of graph.nodes) {
    const conv = folded.get(node)
    if (!conv) {
      if (!gone.has(node)) builder.append(node)
      continue
    }
    const [x = '', w = '', bias] = conv.inputs
    const [, scale = '', shift = '', mean = '', variance = ''] = node.inputs
    const kernel = known.get(w)?.dims as readonly number[]
    const filters = kernel[0] as number
    const op = (
      operator: OperatorName,
      inputs: readonly string[],
      dims: readonly number[],
      attributes = {},
    ) => {
      const value = builder.op(operator, inputs, attributes)
      known.set(value, { type: 'float32', dims })
      return value
    }
    const reshape = (value: string, dims: readonly number[]) =>
      op('Reshape', [value, builder.int64s(dims)], dims)
    const channel = [filters]
    const { epsilon } = attributeValues(node, 'BatchNormalization')
    const deviation = op('Sqrt', [op('Add', [variance, builder.scalar(epsilon)], channel)], channel)
    const slope = op('Div', [scale, deviation], channel)
    const rows = [filters, sizeOf(kernel) / filters]
    // Products of a kernel with trailing axes of length 1 are slow.
    const order = byPixel.has(w) ? [0, 2, 3, 1] : kernel.map((_, axis) => axis)
    const turned = (value: string, perm: readonly number[]) => {
      if (!byPixel.has(w)) return value
      const dims = known.get(value)?.dims as readonly number[]
      return op(
        'Transpose',
        [value],
        perm.map((axis) => dims[axis] as number),
        { perm },
      )
    }
    const matrix = reshape(turned(w, order), rows)
    const product = op('Mul', [matrix, reshape(slope, [filters, 1])], rows)
    const shaped = reshape(
      product,
      order.map((axis) => kernel[axis] as number),
    )
    const centre = bias ? op('Sub', [bias, mean], channel) : op('Neg', [mean], channel)
    const offset = op('Add', [op('Mul', [centre, slope], channel), shift], channel)
    builder.append({
      ...conv,
      name: node.outputs[0] as string,
      inputs: [x, turned(shaped, [0, 3, 1, 2]), offset],
      outputs: node.outputs.slice(0, 1),
    })
  }
  return { graph: builder.build(), types: known }
}
