import { attributeValues } from '../graph/attributes.ts'
import { rebuild } from '../graph/builder.ts'
import { type Graph, type Node, operatorKey } from '../graph/graph.ts'
import type { TensorType } from '../graph/tensor.ts'
import { normalizedCount } from './rules/normalization.ts'

/** The running statistics of one normalization layer after a step. */
export type RunningStatistic = {
  /** The parameter that holds the statistic. */
  readonly parameter: string
  /** The value that the graph computes for it. */
  readonly updated: string
}

export type WithBatchStatistics = {
  readonly graph: Graph
  readonly types: ReadonlyMap<string, TensorType>
  readonly statistics: readonly RunningStatistic[]
}

/** Whether a node is a batch normalization in training mode. */
export function normalizesByBatch(node: Node): boolean {
  return operatorKey(node) === 'BatchNormalization' && node.attributes.training_mode?.value === 1
}

/**
 * Writes every BatchNormalization in training mode so that its batch mean and variance are values of the graph, which the gradient needs
 * and ONNX's operator hides. Its running statistics are blended as PyTorch does it, with the unbiased variance.
 */
export function exposeBatchStatistics(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
): WithBatchStatistics {
  if (!graph.nodes.some(normalizesByBatch)) return { graph, types, statistics: [] }

  const known = new Map(types)
  const statistics: RunningStatistic[] = []
  const builder = rebuild(graph)
  for (const node of graph.nodes) {
    if (!normalizesByBatch(node)) {
      builder.append(node)
      continue
    }
    const { epsilon, momentum } = attributeValues(node, 'BatchNormalization')
    const [x = '', scale = '', bias = '', ...running] = node.inputs
    const { type, dims } = types.get(x) as TensorType
    const channels: TensorType = { type, dims: [dims[1] as number] }
    const times = (value: string, factor: number) =>
      builder.op('Mul', [value, builder.scalar(factor, type)])
    const [mean, variance] = [builder.fresh(`${scale}.mean`), builder.fresh(`${scale}.variance`)]
    builder.append({
      name: node.name,
      operator: 'BatchNormalization',
      domain: 'graft',
      inputs: [x, scale, bias],
      outputs: [node.outputs[0] as string, mean, variance],
      attributes: {
        epsilon: { type: 'float', value: epsilon },
        dims: { type: 'ints', value: dims },
      },
    })
    known.set(mean, channels)
    known.set(variance, channels)
    const count = normalizedCount(dims)
    const unbiased = times(variance, count / Math.max(count - 1, 1))
    const batch = [mean, unbiased]
    const blended = running.map((parameter, index) => {
      const fresh = times(batch[index] as string, 1 - momentum)
      const updated = builder.op('Add', [times(parameter, momentum), fresh])
      if (graph.initializers.has(parameter)) statistics.push({ parameter, updated })
      return updated
    })
    node.outputs.slice(1).forEach((output, index) => {
      if (output === '') return
      builder.append({
        name: output,
        operator: 'Identity',
        domain: '',
        inputs: [blended[index] as string],
        outputs: [output],
        attributes: {},
      })
    })
  }
  const grown = builder.build()
  return {
    graph: { ...grown, opsets: { ...grown.opsets, graft: 1 } },
    types: known,
    statistics,
  }
}
