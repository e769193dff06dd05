import { extend } from '../graph/compose.ts'
import { type Graph, pruneTo } from '../graph/graph.ts'
import type { TensorType } from '../graph/tensor.ts'
import type { ImageInput } from '../training/normalization.ts'
import { type Block, findCuts, groupBlocks } from './cuts.ts'
import { type Pooling, poolingOf } from './pooling.ts'

/** How far a network is reused: up to a value, which is pooled to features. */
export type Depth = Pooling & {
  /** The value, or what stands for it. */
  readonly name: string
  /** The blocks up to here, from the lowest. */
  readonly blocks: readonly Block[]
  /** What a new block on top of it would read; null where nothing can be put on top of it. */
  readonly value: { readonly type: TensorType; readonly channels: 1 | 3 } | null
}

/**
 * The depths below the top at which a network can be reused, from the lowest: the ends of its blocks.
 *
 * @param folded the network with shapes as constants
 * @param top the highest value that is reused: what its classifier reads
 * @param channelsAt the axis of the channels of a map
 */
export function findDepths(
  folded: Graph,
  types: ReadonlyMap<string, TensorType>,
  image: ImageInput,
  top: string,
  channelsAt: (value: string) => 1 | 3,
): { readonly depths: readonly Depth[]; readonly blocks: readonly Block[] } {
  const cuts = findCuts(folded, types)
  const below = cuts.slice(0, cuts.findIndex(({ name }) => name === top) + 1)
  const blocks = groupBlocks(image.input, below)
  const depths = blocks.flatMap(({ to }, index): Depth[] => {
    const type = types.get(to)
    if (to === top || !type) return []
    const channels = channelsAt(to)
    const pooling = poolingOf(to, type, channels)
    if (!pooling) return []
    return [{ ...pooling, name: to, blocks: blocks.slice(0, index + 1), value: { type, channels } }]
  })
  return { depths, blocks }
}

/** The network from its input to the features of some depths, side by side, float32 [N, F]. */
export function featuresAt(network: Graph, depths: readonly Pooling[]): Graph {
  const grown = extend(network, (builder) => {
    const parts = depths.map(({ write }) => write(builder))
    return parts.length === 1 ? (parts[0] as string) : builder.op('Concat', parts, { axis: 1 })
  })
  return pruneTo(grown, grown.outputs)
}
