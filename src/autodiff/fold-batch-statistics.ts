import { attributeValues } from '../graph/attributes.ts'
import { rebuild } from '../graph/builder.ts'
import { consumersOf, type Graph, type Node, operatorKey, producersOf } from '../graph/graph.ts'
import type { OperatorName } from '../graph/operators.ts'
import { sizeOf, type TensorType } from '../graph/tensor.ts'
import { scaledKernel, slopeOf } from './fold-normalization.ts'
import { normalizedCount } from './rules/normalization.ts'
import { type TypedWriting, typedOp } from './typed-op.ts'

/**
 * Takes a batch normalization with the statistics of the batch up into the convolution of one pixel before it, where that makes many channels of few. What such
 * a convolution W gives is linear in its input x, so the statistics of its result follow from those of x: the mean is W mean(x), and the
 * variances are the diagonal of W cov(x) W^T. Kernel and bias that normalize are then known before the convolution runs, and neither pass touches the many
 * channels for the sake of their statistics, nor keeps them from before the normalization.
 */
export function foldBatchStatistics(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
): { readonly graph: Graph; readonly types: ReadonlyMap<string, TensorType> } {
  const taken = takenUp(graph, types)
  if (taken.size === 0) return { graph, types }
  const known = new Map(types)
  const builder = rebuild(graph)
  const gone = new Set(taken.values())
  for (const node of graph.nodes) {
    const conv = taken.get(node)
    if (conv) writeNormalized({ builder, known }, node, conv)
    else if (!gone.has(node)) builder.append(node)
  }
  return { graph: builder.build(), types: known }
}

/** The normalizations and their convolutions. */
function takenUp(graph: Graph, types: ReadonlyMap<string, TensorType>): ReadonlyMap<Node, Node> {
  const producers = producersOf(graph)
  const consumers = consumersOf(graph)
  const results = new Set(graph.outputs.map(({ name }) => name))
  const taken = new Map<Node, Node>()
  for (const node of graph.nodes) {
    if (operatorKey(node) !== 'graft.BatchNormalization') continue
    const [y = ''] = node.inputs
    const conv = producers.get(y)
    if (!conv || operatorKey(conv) !== 'Conv') continue
    const isAlone = consumers.get(y)?.length === 1 && !results.has(y)
    const input = types.get(conv.inputs[0] as string)
    if (isAlone && input?.type === 'float32' && isWorthwhile(conv, types)) taken.set(node, conv)
  }
  return taken
}

/** Below this many values, the passes that are saved take less time than the operators that are added. */
const fewestValues = 2 ** 18

/**
 * Whether the statistics cost less than they save: matrix products of the channels with the pixels and the filters, against a dozen passes over the result.
 */
function isWorthwhile(conv: Node, types: ReadonlyMap<string, TensorType>): boolean {
  const [x = '', w = ''] = conv.inputs
  const dims = types.get(x)?.dims ?? []
  const output = types.get(conv.outputs[0] as string)?.dims ?? []
  const kernel = types.get(w)?.dims ?? []
  const { group, strides = [] } = attributeValues(conv, 'Conv')
  const [filters = 0, channels = 0, ...spatial] = kernel
  const isPointwise =
    group === 1 &&
    sizeOf(spatial) === 1 &&
    sizeOf(strides) === 1 &&
    sizeOf(dims.slice(2)) === sizeOf(output.slice(2))
  const pixels = normalizedCount(output)
  return (
    isPointwise &&
    filters >= 4 * channels &&
    filters * pixels >= fewestValues &&
    channels ** 2 * (2 * pixels + 3 * filters) <= 30 * filters * pixels
  )
}

function writeNormalized(write: TypedWriting, node: Node, conv: Node): void {
  const { builder, known } = write
  const [x = '', w = '', bias = ''] = conv.inputs
  const [, scale = '', shift = ''] = node.inputs
  const [y = '', mean = '', variance = ''] = node.outputs
  const { epsilon } = attributeValues(node, 'graft.BatchNormalization')
  const { dims } = known.get(x) as TensorType
  const [filters, channels] = (known.get(w) as TensorType).dims as [number, number]
  const op = (operator: OperatorName, inputs: readonly string[], to: readonly number[]) =>
    typedOp(write, operator, inputs, to)
  const reshaped = (value: string, to: readonly number[]) =>
    op('Reshape', [value, builder.int64s(to)], to)
  const named = (output: string, operator: string, inputs: readonly string[]) =>
    builder.append({
      name: output,
      domain: '',
      operator,
      inputs,
      outputs: [output],
      attributes: {},
    })

  const moments = builder.ops('graft.ChannelMoments', [x], { dims }, 3)
  const [centred = '', means = '', covariance = ''] = moments
  known.set(centred, { type: 'float32', dims })
  known.set(means, { type: 'float32', dims: [channels] })
  known.set(covariance, { type: 'float32', dims: [channels, channels] })

  const matrix = reshaped(w, [filters, channels])
  const column = reshaped(means, [channels, 1])
  const product = reshaped(op('MatMul', [matrix, column], [filters, 1]), [filters])
  if (bias) named(mean, 'Add', [product, bias])
  else named(mean, 'Identity', [product])
  const turned = op('MatMul', [matrix, covariance], [filters, channels])
  const squares = op('Mul', [turned, matrix], [filters, channels])
  const sums = typedOp(write, 'ReduceSum', [squares, builder.int64s([1])], [filters], {
    keepdims: 0,
  })
  // Rounding must not make a variance of zero negative.
  named(variance, 'Relu', [sums])
  const kernel = scaledKernel(write, w, slopeOf(write, scale, variance, epsilon))
  builder.append({ ...conv, name: y, inputs: [centred, kernel, shift], outputs: [y] })
}
