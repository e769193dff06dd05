import { GraftError } from '../errors.ts'
import { attributeValues } from '../graph/attributes.ts'
import { constantsOf, type Graph, type Node, operatorKey } from '../graph/graph.ts'
import type { Tensor, TensorType } from '../graph/tensor.ts'

/** One batch normalization of a network. */
export type NormalizationLayer = {
  /** The node's name, or that of its output where it has none. */
  readonly node: string
  readonly channels: number
  readonly epsilon: number
  /** The share of the running statistics that a training step keeps, as ONNX counts it: PyTorch's momentum is one minus this. */
  readonly momentum: number
  /** What it normalizes by where nobody says otherwise: its running statistics, or in `training` those of the batch. */
  readonly mode: 'inference' | 'training'
  /** Whether all means are 0 and all variances 1, the first values of a layer whose statistics nobody has estimated yet. */
  readonly defaultStatistics: boolean
}

export function isBatchNormalization(node: Node): boolean {
  return operatorKey(node) === 'BatchNormalization'
}

/** The name by which options and reports know a batch normalization. */
export function layerName({ name, outputs }: Node): string {
  return name || (outputs[0] as string)
}

/** The batch normalizations of a graph, in the order in which they run. */
export function normalizationLayers(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
): NormalizationLayer[] {
  const constants = constantsOf(graph)
  const isEverywhere = (name: string | undefined, value: number) => {
    const tensor: Tensor | undefined =
      graph.initializers.get(name ?? '') ?? constants.get(name ?? '')
    return tensor !== undefined && Array.from(tensor.data, Number).every((own) => own === value)
  }
  return graph.nodes.filter(isBatchNormalization).map((node) => {
    const { epsilon, momentum, training_mode } = attributeValues(node, 'BatchNormalization')
    const [, scale = '', , mean, variance] = node.inputs
    return {
      node: layerName(node),
      channels: types.get(scale)?.dims[0] as number,
      epsilon: shortest(epsilon),
      momentum: shortest(momentum),
      mode: training_mode === 1 ? 'training' : 'inference',
      defaultStatistics: isEverywhere(mean, 0) && isEverywhere(variance, 1),
    }
  })
}

/** A float32 with the digits that tell it from its neighbours: files store 0.00001 as 0.00000999999974. */
const shortest = (value: number) => Number(value.toPrecision(7))

/**
 * The graph with the mode of each batch normalization set.
 *
 * @param training the names of the layers that normalize by the statistics of the batch; or whether all do, or none
 * @throws GraftError `bad-input` for a name that no layer has
 */
export function withNormalizationModes(
  graph: Graph,
  training: boolean | ReadonlySet<string>,
): Graph {
  if (typeof training !== 'boolean') {
    const known = new Set(graph.nodes.filter(isBatchNormalization).map(layerName))
    const unknown = [...training].find((name) => !known.has(name))
    if (unknown !== undefined) {
      throw new GraftError('bad-input', `the network has no batch normalization "${unknown}"`)
    }
  }
  const trains = (node: Node) =>
    typeof training === 'boolean' ? training : training.has(layerName(node))
  return {
    ...graph,
    nodes: graph.nodes.flatMap((node) => {
      if (!isBatchNormalization(node)) return [node]
      return trains(node) ? [inMode(node, 1)] : frozen(node)
    }),
  }
}

function inMode(node: Node, mode: 0 | 1): Node {
  return {
    ...node,
    attributes: { ...node.attributes, training_mode: { type: 'int', value: mode } },
  }
}

/** In inference a layer has no running statistics to put out: what they were before is what they are after. */
function frozen(node: Node): Node[] {
  const copies = node.outputs.slice(1).flatMap((output, index): Node[] => {
    if (output === '') return []
    const inputs = [node.inputs[index + 3] as string]
    return [
      { name: output, operator: 'Identity', domain: '', inputs, outputs: [output], attributes: {} },
    ]
  })
  return [{ ...inMode(node, 0), outputs: node.outputs.slice(0, 1) }, ...copies]
}
