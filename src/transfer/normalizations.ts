import { cutAt } from '../graph/compose.ts'
import type { Graph } from '../graph/graph.ts'
import { isBatchNormalization, layerName } from '../training/normalization-layers.ts'
import { frozenEnd, type Reuse } from './reuse.ts'

/** The batch normalizations of a network, by the value that each computes. */
export function normalizationsByValue({ nodes }: Graph): ReadonlyMap<string, string> {
  return new Map(
    nodes.filter(isBatchNormalization).map((node) => [node.outputs[0] as string, layerName(node)]),
  )
}

/** The names of the batch normalizations in thawed blocks. */
export function normalizationsIn(
  context: { readonly network: Graph; readonly normalizations: ReadonlyMap<string, string> },
  reuse: Reuse,
): ReadonlySet<string> {
  const { network, normalizations } = context
  const end = frozenEnd(reuse)
  const valuesUpTo = (value: string) =>
    cutAt(network, value).nodes.flatMap(({ outputs }) => outputs)
  const below = new Set(end === null ? [] : valuesUpTo(end))
  return new Set(
    valuesUpTo(reuse.depth.name).flatMap((value) => {
      const name = below.has(value) ? undefined : normalizations.get(value)
      return name === undefined ? [] : [name]
    }),
  )
}
