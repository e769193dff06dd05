import { lower } from '../autodiff/lowering/index.ts'
import { forWebGpu } from '../autodiff/lowering/webgpu.ts'
import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, type TensorType } from '../graph/tensor.ts'
import type { Runtime } from './session.ts'
import { sessionTypes } from './types.ts'

/** Which operators gradients are lowered to: `auto` takes the blocked ones where the runtime has them. */
export type LoweringName = 'auto' | 'standard' | 'blocked'

const probed = new WeakMap<Runtime, Promise<number>>()

/**
 * How many channels ONNX Runtime puts side by side in its blocked layout: 16 with AVX-512, 8 with AVX2, and 0 where a build does not
 * have the layout, and on other devices than the CPU. Found by reordering an image of two pixels and looking at where the second channel went.
 */
export function blockSize(runtime: Runtime): Promise<number> {
  const known = probed.get(runtime)
  if (known) return known
  const found = runtime.device === 'cpu' ? probe(runtime).catch(() => 0) : Promise.resolve(0)
  probed.set(runtime, found)
  return found
}

async function probe(runtime: Runtime): Promise<number> {
  const channels = 64
  const builder = createBuilder('probe')
  const x = builder.input('x', 'float32', [1, channels, 1, 2])
  builder.output(builder.op('com.microsoft.nchwc.ReorderInput', [x]))
  const session = await runtime.createSession(builder.build(), { threads: 1 })
  const values = Array.from({ length: 2 * channels }, (_, index) => index)
  const result = await session.run({ x: float32([1, channels, 1, 2], values) })
  await session.release()
  const [blocked] = Object.values(result)
  let block = 0
  // In a block, the first pixel of neighbouring channels comes first: every other value of the input.
  while (block < channels && blocked?.data[block] === 2 * block) block++
  return block
}

/** Replaces every operator of our own by operators that the runtime has, on its device where it can be. */
export async function lowerOn(
  runtime: Runtime,
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  name: LoweringName = 'auto',
): Promise<Graph> {
  const lowered = lower(graph, types, name === 'standard' ? 0 : await blockSize(runtime))
  if (runtime.device !== 'webgpu') return lowered
  return forWebGpu(lowered, await sessionTypes(lowered, runtime))
}
