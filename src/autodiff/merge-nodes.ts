import { attributeValues } from '../graph/attributes.ts'
import { constantsOf, consumersOf, type Graph, type Node, producersOf } from '../graph/graph.ts'
import { numbersOf, type Tensor } from '../graph/tensor.ts'

type Context = { constant(name: string | undefined): Tensor | undefined }

/** Two nodes in a row, the first of which feeds nothing else, as one; null where they do not fit. */
type Merge = {
  readonly first: string
  readonly second: string
  write(first: Node, second: Node, context: Context): Node | null
}

const merges: readonly Merge[] = [
  {
    // Exporters write TensorFlow's asymmetric padding as a node of its own, which costs a copy of the map in both directions.
    first: 'Pad',
    second: 'Conv',
    write(pad, conv, { constant }) {
      const { mode } = attributeValues(pad, 'Pad')
      const [, padsInput, value, axes] = pad.inputs
      const pads = constant(padsInput)
      const fill = value ? constant(value) : undefined
      const zero = !value || (fill !== undefined && Number(fill.data[0]) === 0)
      const { auto_pad, pads: own } = attributeValues(conv, 'Conv')
      if (mode !== 'constant' || !pads || !zero || axes || auto_pad !== 'NOTSET') return null
      const counts = numbersOf(pads)
      const rank = counts.length / 2
      const [before, after] = [counts.slice(2, rank), counts.slice(rank + 2)]
      const spatialOnly = [0, 1, rank, rank + 1].every((index) => counts[index] === 0)
      if (!spatialOnly || counts.some((count) => count < 0)) return null
      const added = [...before, ...after].map((count, index) => count + (own?.[index] ?? 0))
      return {
        ...conv,
        inputs: [pad.inputs[0] as string, ...conv.inputs.slice(1)],
        attributes: { ...conv.attributes, pads: { type: 'ints', value: added } },
      }
    },
  },
  {
    // ReLU6 arrives as a Relu and a Clip.
    first: 'Relu',
    second: 'Clip',
    write(relu, clip, { constant }) {
      const low = constant(clip.inputs[1])
      if (!low || Number(low.data[0]) < 0) return null
      return { ...clip, inputs: [relu.inputs[0] as string, ...clip.inputs.slice(1)] }
    },
  },
]

/** Merges pairs of nodes that compute no more than one of them can, so that neither pass runs both. */
export function mergeNodes(graph: Graph): Graph {
  const constants = constantsOf(graph)
  const consumers = consumersOf(graph)
  const producers = producersOf(graph)
  const results = new Set(graph.outputs.map(({ name }) => name))
  const context: Context = {
    constant: (name) => constants.get(name ?? '') ?? graph.initializers.get(name ?? ''),
  }
  const merged = new Map<Node, Node>()
  const gone = new Set<Node>()
  for (const second of graph.nodes) {
    const [between = ''] = second.inputs
    const first = producers.get(between)
    if (!first || consumers.get(between)?.length !== 1 || results.has(between)) continue
    const merge = merges.find(
      (candidate) =>
        candidate.first === first.operator &&
        candidate.second === second.operator &&
        first.domain === '' &&
        second.domain === '',
    )
    const node = merge?.write(first, second, context)
    if (!node) continue
    merged.set(second, node)
    gone.add(first)
  }
  if (gone.size === 0) return graph
  return {
    ...graph,
    nodes: graph.nodes.flatMap((node) => (gone.has(node) ? [] : [merged.get(node) ?? node])),
  }
}
