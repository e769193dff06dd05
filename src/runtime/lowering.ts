import { createBuilder } from '../graph/builder.ts'
import { float32 } from '../graph/tensor.ts'
import type { Runtime } from './session.ts'

/** Which operators gradients are lowered to: `auto` takes the blocked ones where the runtime has them. */
export type LoweringName = 'auto' | 'standard' | 'blocked'

const probed = new WeakMap<Runtime, Promise<number>>()

/**
 * How many channels ONNX Runtime puts side by side in its blocked layout: 16 with AVX-512, 8 with AVX2, and 0 where a build does not
 * have the layout. Found by reordering an image of two pixels and looking at where the second channel went.
 */
export function blockSize(runtime: Runtime): Promise<number> {
  const known = probed.get(runtime)
  if (known) return known
  const found = probe(runtime).catch(() => 0)
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

/** The block size that a lowering of this name uses on a runtime; 0 for the standard operators. */
export async function loweredBlock(runtime: Runtime, name: LoweringName = 'auto'): Promise<number> {
  return name === 'standard' ? 0 : blockSize(runtime)
}
