import { GraftError } from '../errors.ts'
import { extend } from '../graph/compose.ts'
import { type Graph, pruneTo } from '../graph/graph.ts'
import { heNormal } from '../nn/initializers.ts'
import { activations, conv, dense, type Layer, sequential } from '../nn/layers.ts'
import type { Random } from '../random.ts'
import type { Depth } from './depths.ts'
import { poolingOf } from './pooling.ts'

/** Wider blocks have more weights than few labels can set. */
const mostUnits = 256
export const newBlockPrefix = 'graft.new'

/**
 * Puts new blocks on top of a depth: convolutions of 3x3 and ReLU on maps with their channels first, fully connected layers and ReLU on what anything else is
 * pooled to. Their first values are drawn as He et al. (2015) have it.
 *
 * @param network from pixels on, with the value of the depth in it
 * @returns a network that ends in features, float32 [N, features]
 */
export function withNewBlocks(
  network: Graph,
  depth: Depth,
  count: number,
  random: Random,
): { readonly graph: Graph; readonly features: number } {
  const { value } = depth
  if (!value) throw new GraftError('internal', `no block can be put on top of "${depth.name}"`)
  const [channels = 1, height = 1, width = 1] = value.type.dims.slice(1)
  const isMap = value.type.dims.length === 4 && value.channels === 1 && height * width > 1
  const units = Math.min(isMap ? channels : depth.features, mostUnits)
  const layer: Layer = isMap ? conv(units, 3) : dense(units, { initializer: heNormal })
  const blocks = sequential(
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [
        `${newBlockPrefix}.${index}`,
        sequential({ layer, relu: activations.relu.layer() }),
      ]),
    ),
  )
  const graph = extend(network, (builder) => {
    const input = isMap
      ? { name: depth.name, dims: value.type.dims.slice(1) }
      : { name: depth.write(builder), dims: [depth.features] }
    const top = blocks({ builder, random }, input, '')
    const type = { type: 'float32', dims: [value.type.dims[0] as number, ...top.dims] } as const
    return poolingOf(top.name, type, 1, true)?.write(builder) as string
  })
  return { graph: pruneTo(graph, graph.outputs), features: units }
}
