import { attributeValues, typedAttributes } from '../graph/attributes.ts'
import { rebuild } from '../graph/builder.ts'
import { consumersOf, type Graph, type Node, producersOf } from '../graph/graph.ts'
import type { OperatorName } from '../graph/operators.ts'
import { sizeOf, type TensorType } from '../graph/tensor.ts'
import { type TypedWriting, typedOp } from './typed-op.ts'

/**
 * Takes a batch normalization with frozen statistics apart. Behind a convolution whose kernel is smaller than its map it becomes part of kernel and bias: neither
 * pass then touches the map once more, and the gradient of the scale is a sum over the kernel. Elsewhere it becomes a multiple and a shift of every channel.
 *
 * @param trainable names of parameters; where none of the convolution and the normalization is trained, both stay as they are, for ONNX Runtime to fold once and for all
 * @param byPixel names of kernels [F, C, height, width] that are at hand as [F, height, width, C]: they are multiplied in that order
 */
export function foldNormalization(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  trainable: ReadonlySet<string>,
  byPixel: ReadonlySet<string>,
): { readonly graph: Graph; readonly types: ReadonlyMap<string, TensorType> } {
  const taken = takenApart(graph, types, trainable)
  if (taken.size === 0) return { graph, types }
  const known = new Map(types)
  const builder = rebuild(graph)
  const write = { builder, known }
  const gone = new Set(taken.values())
  for (const node of graph.nodes) {
    const conv = taken.get(node)
    if (conv === undefined) {
      if (!gone.has(node)) builder.append(node)
      continue
    }
    const [x = ''] = node.inputs
    const [output = ''] = node.outputs
    const { slope, offset } = affineOf(write, node, conv?.inputs[2])
    if (conv) {
      const [input = '', w = ''] = conv.inputs
      const kernel = scaledKernel(write, w, slope, byPixel.has(w))
      builder.append({ ...conv, name: output, inputs: [input, kernel, offset], outputs: [output] })
    } else {
      builder.append({
        name: output,
        domain: 'graft',
        operator: 'ChannelAffine',
        inputs: [x, slope, offset],
        outputs: [output],
        attributes: typedAttributes('graft.ChannelAffine', { dims: known.get(x)?.dims ?? [] }),
      })
    }
  }
  const built = builder.build()
  return { graph: { ...built, opsets: { ...built.opsets, graft: 1 } }, types: known }
}

/** The frozen normalizations that are taken apart, each with the convolution that takes it up; null where it stays beside it. */
function takenApart(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  trainable: ReadonlySet<string>,
): ReadonlyMap<Node, Node | null> {
  const producers = producersOf(graph)
  const consumers = consumersOf(graph)
  const results = new Set(graph.outputs.map(({ name }) => name))
  const taken = new Map<Node, Node | null>()
  for (const node of graph.nodes) {
    if (node.operator !== 'BatchNormalization' || node.domain !== '') continue
    const [x = ''] = node.inputs
    const producer = producers.get(x)
    const conv = producer?.operator === 'Conv' && producer.domain === '' ? producer : undefined
    const isTrained = [...(conv?.inputs ?? []), ...node.inputs].some((name) => trainable.has(name))
    const isFrozen = node.attributes.training_mode?.value !== 1
    const type = types.get(x)
    if (!isTrained || !isFrozen || type?.type !== 'float32') continue
    const isAlone = consumers.get(x)?.length === 1 && !results.has(x)
    const kernel = types.get(conv?.inputs[1] ?? '')?.dims
    const isSmaller = kernel !== undefined && sizeOf(kernel) <= sizeOf(type.dims)
    taken.set(node, conv && isAlone && isSmaller ? conv : null)
  }
  return taken
}

/** A frozen normalization as a multiple and a shift of each channel, [C], after a convolution with this bias. */
function affineOf(
  write: TypedWriting,
  node: Node,
  bias: string | undefined,
): { readonly slope: string; readonly offset: string } {
  const [, scale = '', shift = '', mean = '', variance = ''] = node.inputs
  const channel = write.known.get(variance)?.dims as readonly number[]
  const op = (operator: OperatorName, inputs: readonly string[]) =>
    typedOp(write, operator, inputs, channel)
  const { epsilon } = attributeValues(node, 'BatchNormalization')
  const slope = slopeOf(write, scale, variance, epsilon)
  const centre = bias ? op('Sub', [bias, mean]) : op('Neg', [mean])
  return { slope, offset: op('Add', [op('Mul', [centre, slope]), shift]) }
}

/** What a normalization multiplies its channels by, [F]. */
export function slopeOf(
  write: TypedWriting,
  scale: string,
  variance: string,
  epsilon: number,
): string {
  const channel = write.known.get(variance)?.dims as readonly number[]
  const op = (operator: OperatorName, inputs: readonly string[]) =>
    typedOp(write, operator, inputs, channel)
  const deviation = op('Sqrt', [op('Add', [variance, write.builder.scalar(epsilon)])])
  return op('Div', [scale, deviation])
}

/** A kernel [F, C, ...] times [F]. */
export function scaledKernel(
  write: TypedWriting,
  w: string,
  slope: string,
  byPixel = false,
): string {
  const { builder, known } = write
  const kernel = known.get(w)?.dims as readonly number[]
  const filters = kernel[0] as number
  const reshape = (value: string, dims: readonly number[]) =>
    typedOp(write, 'Reshape', [value, builder.int64s(dims)], dims)
  // Products of a kernel with trailing axes of length 1 are slow.
  const order = byPixel ? [0, 2, 3, 1] : kernel.map((_, axis) => axis)
  const turned = (value: string, perm: readonly number[]) => {
    if (!byPixel) return value
    const dims = known.get(value)?.dims as readonly number[]
    const after = perm.map((axis) => dims[axis] as number)
    return typedOp(write, 'Transpose', [value], after, { perm })
  }
  const rows = [filters, sizeOf(kernel) / filters]
  const matrix = reshape(turned(w, order), rows)
  const product = typedOp(write, 'Mul', [matrix, reshape(slope, [filters, 1])], rows)
  const shaped = reshape(
    product,
    order.map((axis) => kernel[axis] as number),
  )
  return turned(shaped, [0, 3, 1, 2])
}
