import { createBuilder } from '../../src/graph/builder.ts'
import { float32, zeros } from '../../src/graph/tensor.ts'
import { createRandom } from '../../src/random.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { createSide } from '../ours.ts'
import { startPytorch } from '../pytorch.ts'
import type { Row } from '../row.ts'

const size = 1024
const repetitions = 30

/** The rate at which this machine multiplies matrices: what a training step can reach at best. */
export const gemm: Row = {
  name: 'gemm',
  what: `product of two ${size}x${size} matrices`,
  limit: null,
  async open({ threads, pytorch }) {
    const builder = createBuilder()
    const [a, b] = ['a', 'b'].map((name) => builder.input(name, 'float32', [size, size]))
    builder.output(builder.alias('product', builder.op('MatMul', [a, b])))
    const session = await nodeRuntime.createSession(builder.build())
    const random = createRandom('gemm')
    const matrix = () =>
      float32([size, size], Float32Array.from({ length: size * size }, random.normal))
    const feeds = { a: matrix(), b: matrix() }
    const fetches = { product: zeros('float32', [size, size]) }
    return {
      ours: createSide([], repetitions, () => session.run(feeds, fetches), session.release),
      others: pytorch
        ? [await startPytorch(pytorch, 'PyTorch', 'gemm.py', { threads, size, repetitions })]
        : [],
      flops: 2 * size ** 3,
    }
  },
}
