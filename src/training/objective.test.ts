import { expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { crossEntropy, targetsInput, weightsInput } from '../nn/losses.ts'
import { createRandom } from '../random.ts'
import { compileObjective } from './objective.ts'

const random = createRandom(3)
const draw = (dims: readonly number[]): Tensor =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
  )

function network() {
  const builder = createBuilder('classifier')
  const x = builder.input('x', 'float32', ['N', 4])
  const hidden = builder.op('Tanh', [
    builder.op('Gemm', [
      x,
      builder.parameter('w1', draw([4, 5])),
      builder.parameter('b1', draw([5])),
    ]),
  ])
  builder.output(builder.op('MatMul', [hidden, builder.parameter('w2', draw([5, 3]))]))
  return builder.build()
}

const feeds = {
  x: draw([6, 4]),
  [targetsInput]: { type: 'int64', dims: [6], data: BigInt64Array.of(0n, 1n, 2n, 0n, 1n, 2n) },
  [weightsInput]: float32([6], [1, 2, 1, 0, 0.5, 1]),
} as const

test('the gradient is that of the loss, for parameters that are given anew at every run', async () => {
  const graph = network()
  const names = ['w1', 'b1', 'w2']
  const objective = await compileObjective(
    { graph, loss: crossEntropy(), inputs: { x: { type: 'float32', dims: [6, 4] } } },
    names,
    runtime,
  )
  for (const shift of [0, 0.3]) {
    const at = (along: ReadonlyMap<string, Tensor> | null, length: number) =>
      new Map(
        names.map((name) => {
          const { dims, data } = graph.initializers.get(name) as Tensor
          const way = along?.get(name)?.data
          const values = Float32Array.from(
            data as Float32Array,
            (value, i) => value + shift + length * Number(way?.[i] ?? 0),
          )
          return [name, float32(dims, values)]
        }),
      )
    const way = new Map(
      names.map((name) => [name, draw((graph.initializers.get(name) as Tensor).dims)]),
    )
    const { gradients } = await objective.run(feeds, at(null, 0))
    const slope = names.reduce((sum, name, index) => {
      const along = way.get(name)?.data as Float32Array
      return sum + along.reduce((s, d, i) => s + d * Number(gradients[index]?.data[i]), 0)
    }, 0)
    const step = 1e-2
    const ahead = (await objective.run(feeds, at(way, step))).loss
    const behind = (await objective.run(feeds, at(way, -step))).loss
    expect((ahead - behind) / (2 * step)).toBeCloseTo(slope, 2)
    expect(Math.abs(slope)).toBeGreaterThan(0.05)
  }
  await objective.release()
})

test('parameters that are not named stay as the network has them', async () => {
  const graph = network()
  const objective = await compileObjective(
    { graph, loss: crossEntropy(), inputs: { x: { type: 'float32', dims: [6, 4] } } },
    ['w2'],
    runtime,
  )
  const w2 = graph.initializers.get('w2') as Tensor
  const { gradients } = await objective.run(feeds, new Map([['w2', w2]]))
  expect(gradients.map(({ dims }) => dims)).toEqual([[5, 3]])
  await objective.release()
})
