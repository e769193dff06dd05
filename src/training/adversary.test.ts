import { expect, test } from 'vitest'
import { runtime, vjp } from '../../testing/runtime.ts'
import { createBuilder, type GraphBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, numbersOf, type Tensor } from '../graph/tensor.ts'
import { binaryCrossEntropy, targetsInput, weightsInput } from '../nn/losses.ts'
import { sgd } from '../nn/optimizers.ts'
import { createRandom } from '../random.ts'
import type { Adversary, ScaledLoss } from './adversary.ts'
import { compileStep } from './step.ts'

const random = createRandom(7)
const draw = (dims: readonly number[]): Tensor =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
  )

const count = 4
const parameters = { g: draw([2, 3]), d1: draw([3, 5]), d2: draw([5, 1]) }
const feeds = { noise: draw([count, 2]), real: draw([count, 3]) }

/** A generator and a discriminator of what is real above what is made: scores [2N, 1], what is made, and what the generator loses. */
function game(): Graph {
  const builder = createBuilder('game')
  const noise = builder.input('noise', 'float32', [count, 2])
  const real = builder.input('real', 'float32', [count, 3])
  const made = builder.op('Tanh', [
    builder.op('MatMul', [noise, builder.parameter('g', parameters.g)]),
  ])
  const both = builder.op('Concat', [real, made], { axis: 0 })
  const hidden = builder.op('Tanh', [
    builder.op('MatMul', [both, builder.parameter('d1', parameters.d1)]),
  ])
  const scores = builder.op('MatMul', [hidden, builder.parameter('d2', parameters.d2)])
  builder.output(scores)
  builder.output(made)
  builder.output(
    mean(builder, builder.op('Softplus', [builder.op('Neg', [fakeScores(builder, scores)])])),
  )
  return builder.build()
}

function fakeScores(builder: GraphBuilder, scores: string): string {
  const from = builder.int64s([count])
  return builder.op('Slice', [scores, from, builder.int64s([2 * count]), builder.int64s([0])])
}

/** From the mean of softplus(d) over real and made to that of softplus(-d) over what is made alone. */
function nonSaturating(graph: Graph): { readonly trainable: string[] } & ScaledLoss {
  return {
    value: graph.outputs[1]?.name as string,
    scores: graph.outputs[0]?.name as string,
    trainable: ['g'],
    factor(builder, output) {
      const opposite = builder.op('Neg', [fakeScores(builder, output)])
      return builder.op('Mul', [builder.op('Exp', [opposite]), builder.scalar(-2)])
    },
  }
}

/** The gradient of a loss that is written on the scores. */
async function gradients(write: (builder: GraphBuilder, scores: string) => string, wrt: string[]) {
  const graph = game()
  const builder = createBuilder('loss', { ...graph, outputs: [] })
  const loss = write(builder, graph.outputs[0]?.name as string)
  builder.output(loss)
  return vjp(builder.build(), feeds, { [loss]: float32([], [1]) }, wrt)
}

const mean = (builder: GraphBuilder, value: string) =>
  builder.op('ReduceMean', [value], { keepdims: 0 })

/** What one step of gradient descent at a rate of 1 makes of the parameters. */
async function afterOneStep(way: (graph: Graph) => Adversary | null) {
  const graph = game()
  const adversary = way(graph)
  const step = await compileStep(
    {
      graph,
      loss: binaryCrossEntropy,
      inputs: {
        noise: { type: 'float32', dims: [count, 2] },
        real: { type: 'float32', dims: [count, 3] },
      },
      trainable: ['g', 'd1', 'd2'],
      optimizer: sgd(),
      ...(adversary && { adversary }),
    },
    runtime,
  )
  const labels = float32([2 * count, 1], [1, 1, 1, 1, 0, 0, 0, 0])
  const weights = float32([2 * count], Array(2 * count).fill(1))
  await step.run(
    { ...feeds, [targetsInput]: labels, [weightsInput]: weights },
    { learningRate: 1, random },
  )
  const after = step.parameters()
  await step.release()
  return after
}

const ways: Readonly<Record<string, (graph: Graph) => Adversary>> = {
  'by a factor on the gradient of the other': nonSaturating,
  'as an output': (graph) => ({ trainable: ['g'], loss: graph.outputs[2]?.name as string }),
}

test.each(Object.entries(ways))(
  'one step takes each side down the gradient of its own loss, given %s',
  async (_, way) => {
    const after = await afterOneStep(way)
    const discriminator = await gradients(
      (builder, scores) => {
        const signs = builder.constant(float32([2 * count, 1], [-1, -1, -1, -1, 1, 1, 1, 1]))
        return mean(builder, builder.op('Softplus', [builder.op('Mul', [scores, signs])]))
      },
      ['d1', 'd2'],
    )
    const generator = await gradients(
      (builder, scores) =>
        mean(builder, builder.op('Softplus', [builder.op('Neg', [fakeScores(builder, scores)])])),
      ['g'],
    )
    for (const [name, gradient] of Object.entries({ ...discriminator, ...generator })) {
      const before = parameters[name as keyof typeof parameters].data
      const slopes = numbersOf(gradient)
      for (const [i, slope] of slopes.entries()) {
        expect(Number(before[i]) - Number(after.get(name)?.data[i])).toBeCloseTo(slope, 5)
      }
      expect(Math.max(...slopes.map(Math.abs))).toBeGreaterThan(0.01)
    }
  },
)

test('steps with and without an adversary are not taken for the same', async () => {
  const plain = await afterOneStep(() => null)
  const opposed = await afterOneStep(nonSaturating)
  expect(opposed.get('d1')).toEqual(plain.get('d1'))
  expect(opposed.get('g')).not.toEqual(plain.get('g'))
})
