import { createBuilder } from '../../src/graph/builder.ts'
import { float32 } from '../../src/graph/tensor.ts'
import { createRandom } from '../../src/random.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { createSide } from '../ours.ts'
import { startPytorch } from '../pytorch.ts'
import type { Row } from '../row.ts'

const size = 1024
const repetitions = 32
/** Products in one run of ours, each of the one before with the same matrix: handing a result over is no part of a product. */
const atOnce = 8

/** The rate at which this machine multiplies matrices: what a training step can reach at best. */
export const gemm: Row = {
  name: 'gemm',
  what: `product of two ${size}x${size} matrices`,
  limit: null,
  async open({ threads, pytorch }) {
    const builder = createBuilder()
    const [a, b] = ['a', 'b'].map((name) => builder.input(name, 'float32', [size, size]))
    let product = a as string
    for (let i = 0; i < atOnce; i++) product = builder.op('MatMul', [product, b])
    builder.output(builder.alias('largest', builder.op('ReduceMax', [product], { keepdims: 0 })))
    const session = await nodeRuntime.createSession(builder.build())
    const random = createRandom('gemm')
    // Products of matrices with entries of this size neither grow nor fade.
    const entry = () => random.normal() / Math.sqrt(size)
    const matrix = () => float32([size, size], Float32Array.from({ length: size * size }, entry))
    const feeds = { a: matrix(), b: matrix() }
    return {
      ours: createSide([], repetitions, () => session.run(feeds), session.release, atOnce),
      others: pytorch
        ? [await startPytorch(pytorch, 'PyTorch', 'gemm.py', { threads, size, repetitions })]
        : [],
      flops: 2 * size ** 3,
    }
  },
}
