import { countMultiplyAdds } from '../graph/cost.ts'
import type { Graph } from '../graph/graph.ts'
import { inferTypes } from '../runtime/types.ts'
import { pixelsInput } from './normalization.ts'
import type { Task } from './task.ts'

/** Multiply-adds of one image through a network that takes pixels. */
export async function costOf({ runtime }: Pick<Task, 'runtime'>, network: Graph): Promise<number> {
  const size = network.inputs[0]?.dims.slice(1) as number[]
  const pixels = { [pixelsInput]: { type: 'uint8', dims: [1, ...size] } } as const
  const { graph, types } = await inferTypes(network, pixels, runtime)
  return countMultiplyAdds(graph, types)
}
