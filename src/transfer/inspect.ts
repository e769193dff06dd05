import { ruleOf, stopsGradient } from '../autodiff/rules/index.ts'
import { countParameters } from '../graph/cost.ts'
import { type Graph, type OutputInfo, operatorKey, type ValueInfo } from '../graph/graph.ts'
import type { TensorType } from '../graph/tensor.ts'
import type { Runtime } from '../runtime/session.ts'
import { inferTypes } from '../runtime/types.ts'
import { type NormalizationLayer, normalizationLayers } from '../training/normalization-layers.ts'
import { type Block, type Cut, findCuts, groupBlocks } from './cuts.ts'
import { layoutOf, openSize } from './image-input.ts'

export type Inspection = {
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly OutputInfo[]
  /** The number of values in all parameters. */
  readonly parameters: number
  readonly cuts: readonly Cut[]
  readonly blocks: readonly Block[]
  /** Nodes that no gradient rule covers: what lies below them cannot be trained. */
  readonly unsupported: readonly { readonly node: string; readonly operator: string }[]
  /** Every batch normalization, in the order in which they run. */
  readonly normalization: readonly NormalizationLayer[]
}

/** Describes a network: its borders, its parameters, where it can be cut, and what of it cannot be trained. */
export async function inspect(graph: Graph, runtime: Runtime): Promise<Inspection> {
  const inputs = Object.fromEntries(graph.inputs.map((input) => [input.name, oneExample(input)]))
  const { graph: folded, types } = await inferTypes(graph, inputs, runtime)
  const cuts = findCuts(folded, types)
  const complete = (output: OutputInfo): OutputInfo => {
    const type = types.get(output.name)
    return output.type || !type ? output : { ...output, ...type }
  }
  return {
    inputs: graph.inputs,
    outputs: graph.outputs.map(complete),
    parameters: countParameters(graph),
    cuts,
    blocks: groupBlocks(graph.inputs[0]?.name ?? '', cuts),
    unsupported: folded.nodes
      .filter((node) => {
        const key = operatorKey(node)
        return !stopsGradient(key) && !ruleOf(key)
      })
      .map((node) => ({ node: node.name || (node.outputs[0] as string), operator: node.operator })),
    normalization: normalizationLayers(folded, types),
  }
}

/** A type that fits an input: a batch of one, and usual sizes where the graph leaves them open. */
function oneExample({ type, dims }: ValueInfo): TensorType {
  const isImage = dims.length === 4
  const channels = layoutOf(dims) === 'NCHW' ? 1 : 3
  const size = (dim: number | string, axis: number) => {
    if (typeof dim === 'number') return dim
    if (axis === 0) return 1
    if (!isImage) return 16
    return axis === channels ? 3 : openSize
  }
  return { type, dims: dims.map(size) }
}
