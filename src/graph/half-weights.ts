import { GraftError } from '../errors.ts'
import type { Attribute, Graph, Node, OutputInfo, Subgraph } from './graph.ts'
import { type HalfType, isHalf, narrow, widen } from './half-precision.ts'
import { createNames, mapSubgraphs, namesIn, renameValues } from './subgraphs.ts'
import { elementTypes, type Tensor } from './tensor.ts'

/** The key of the metadata that says in which type a model's file had its weights, where that was not float32. */
const weightsKey = 'graft.weights'

const { float32, float16, bfloat16 } = elementTypes
const halfCodes: readonly unknown[] = [float16.code, bfloat16.code]

/**
 * A graph that computes in float32 what the given one computes in float16 or bfloat16: weights, constants, inputs, outputs and casts
 * become float32. Where a file only stores its weights in 16 bits and casts them, the weights themselves are the parameters, and the
 * casts go.
 *
 * @returns the graph itself where it has no such values
 */
export function toFloat32(graph: Graph): Graph {
  const stored = [...graph.initializers.values()].map(({ type }) => type).find(isHalf)
  const wide = widenGraph(dropCasts(graph))
  if (!stored) return wide
  return { ...wide, metadata: { ...graph.metadata, [weightsKey]: stored } }
}

/** The graph without casts of 16-bit initializers to float32; outputs of the graph keep theirs. */
function dropCasts(graph: Graph): Graph {
  const outputs = new Set(graph.outputs.map(({ name }) => name))
  const links = new Map<string, string>()
  const nodes = graph.nodes.filter(
    ({ operator, domain, inputs, outputs: [to = ''], attributes }) => {
      const from = graph.initializers.get(inputs[0] ?? '')
      const cast = operator === 'Cast' && domain === '' && attributes.to?.value === float32.code
      if (!cast || !isHalf(from?.type) || outputs.has(to)) return true
      links.set(to, inputs[0] as string)
      return false
    },
  )
  if (links.size === 0) return graph
  const link = (name: string) => links.get(name) ?? name
  return { ...graph, nodes: nodes.map((node) => renameValues(node, link)) }
}

function widenGraph<G extends Subgraph>(graph: G): G {
  return {
    ...graph,
    inputs: graph.inputs.map(widenInfo),
    outputs: graph.outputs.map(widenInfo),
    nodes: graph.nodes.map(widenNode),
    initializers: new Map(
      [...graph.initializers].map(([name, value]) => [name, widenTensor(value)]),
    ),
  }
}

function widenInfo<I extends OutputInfo>(info: I): I {
  return isHalf(info.type) ? { ...info, type: 'float32' } : info
}

function widenTensor(tensor: Tensor): Tensor {
  return isHalf(tensor.type) ? widen({ ...tensor, type: tensor.type }) : tensor
}

/** Attributes of standard operators that name an element type. */
const typeAttributes = new Set(['to', 'dtype'])

function widenNode(node: Node): Node {
  const attributes = Object.entries(node.attributes).map(([name, attribute]) => [
    name,
    widenAttribute(name, attribute),
  ])
  return mapSubgraphs({ ...node, attributes: Object.fromEntries(attributes) }, widenGraph)
}

function widenAttribute(name: string, attribute: Attribute): Attribute {
  if (attribute.type === 'tensor') return { type: 'tensor', value: widenTensor(attribute.value) }
  const half =
    attribute.type === 'int' && typeAttributes.has(name) && halfCodes.includes(attribute.value)
  return half ? { type: 'int', value: float32.code } : attribute
}

/**
 * The graph with its float32 parameters stored in 16 bits, each with a cast to float32 after it, so that every runtime can run it.
 * `readModel` reads it as it was, but for the rounding.
 *
 * @throws GraftError `unsupported` where a parameter has a value that is too large for 16 bits
 */
export function withHalfWeights(graph: Graph, type: HalfType): Graph {
  const names = createNames(namesIn(graph))
  const outputs = new Set(graph.outputs.map(({ name }) => name))
  const links = new Map<string, string>()
  const casts: Node[] = []
  const initializers = new Map(graph.initializers)
  for (const [name, value] of graph.initializers) {
    if (value.type !== 'float32' || outputs.has(name)) continue
    const half = narrow(value, type)
    const wide = names.fresh(`${name} as float32`)
    checkFinite(name, value, half)
    initializers.set(name, half)
    links.set(name, wide)
    casts.push({
      name: wide,
      operator: 'Cast',
      domain: '',
      inputs: [name],
      outputs: [wide],
      attributes: { to: { type: 'int', value: float32.code } },
    })
  }
  const link = (name: string) => links.get(name) ?? name
  const nodes = [...casts, ...graph.nodes.map((node) => renameValues(node, link))]
  return { ...graph, initializers, nodes }
}

function checkFinite(name: string, single: Tensor, half: Tensor): void {
  const largest = half.type === 'float16' ? 0x7c00 : 0x7f80
  const index = half.data.findIndex(
    (bits, i) => (Number(bits) & 0x7fff) === largest && Number.isFinite(single.data[i]),
  )
  if (index < 0) return
  throw new GraftError(
    'unsupported',
    `the parameter "${name}" has the value ${single.data[index]}, too large for ${half.type}: write float32 weights`,
  )
}
