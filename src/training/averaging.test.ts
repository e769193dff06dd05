import { describe, expect, test } from 'vitest'
import { largestError } from '../../testing/golden.ts'
import { runtime } from '../../testing/runtime.ts'
import { networkOf, normal, ones, stepOptions } from '../../testing/training-steps.ts'
import { float32, int64, type Tensor } from '../graph/tensor.ts'
import { activations, batchNormalization, conv, dense, flatten, sequential } from '../nn/layers.ts'
import { targetsInput, weightsInput } from '../nn/losses.ts'
import { decayTowardsStart, descend, sgd } from '../nn/optimizers.ts'
import { createRandom } from '../random.ts'
import type { LoweringName } from '../runtime/lowering.ts'
import { compileStep, type TrainingStep } from './step.ts'
import { writeStep } from './write-step.ts'

/** A kernel that is carried by pixel, small parameters that share a vector, one that has its own, and running statistics. */
const network = networkOf(
  sequential({
    conv: conv(6, 3),
    norm: batchNormalization(),
    act: activations.relu.layer(),
    flatten: flatten(),
    wide: dense(8),
    head: dense(3),
  }),
  [4, 3, 4],
)
const dims = [4, 4, 3, 4]
const decay = 0.6
const multipliers = new Map([['wide.weight', 0.5]])
const options = (lowering: LoweringName = 'auto') =>
  stepOptions(network, dims, {
    optimizer: sgd({ momentum: 0.9 }),
    batchStatistics: true,
    multipliers,
    averaging: { decay },
    lowering,
  })
const random = createRandom(1)
const batch = (index: number) => ({
  feeds: {
    x: normal(dims, index + 10),
    [targetsInput]: int64([4], [0, 1, 2, index % 3]),
    [weightsInput]: ones(4),
  },
  learningRate: 0.05,
})
const run = (step: TrainingStep, index: number) => {
  const { feeds, learningRate } = batch(index)
  return step.run(feeds, { learningRate, random })
}

/** The mean of values under weights that fade with their age. */
function faded(visited: readonly Tensor[]): Tensor {
  const weights = visited.map((_, index) => decay ** (visited.length - 1 - index))
  const total = weights.reduce((a, b) => a + b, 0)
  const { dims, data } = visited.at(-1) as Tensor
  const means = Array.from(data, Number).fill(0)
  visited.forEach((value, index) => {
    const weight = (weights[index] as number) / total
    value.data.forEach((own, at) => {
      means[at] = (means[at] as number) + Number(own) * weight
    })
  })
  return float32(dims, means)
}

describe('moving averages', () => {
  test('the network of these tests has a kernel that is carried by pixel', async () => {
    const { byPixel, carried } = await writeStep(options(), runtime)
    expect([...byPixel]).toEqual(['conv.weight'])
    expect(carried.some(({ parts }) => parts.length > 2)).toBe(true)
    expect(carried.filter(({ parts }) => parts.length === 1).length).toBeGreaterThan(0)
  })

  test.each<LoweringName>(runtime.device === 'cpu' ? ['standard', 'auto'] : ['auto'])(
    'are weighted means of the values after each step (%s lowering)',
    async (lowering) => {
      const step = await compileStep(options(lowering), runtime)
      const visited: Map<string, Tensor>[] = []
      for (let index = 0; index < 4; index++) {
        await run(step, index)
        visited.push(step.parameters())
        const averages = step.averages() as Map<string, Tensor>
        expect([...averages.keys()].sort()).toEqual([...step.parameters().keys()].sort())
        for (const [name, average] of averages) {
          expect(
            largestError(average, faded(visited.map((values) => values.get(name) as Tensor))),
            name,
          ).toBeLessThan(2e-6)
        }
      }
      for (const name of ['conv.weight', 'norm.running_mean', 'norm.running_var', 'head.bias']) {
        const last = step.parameters().get(name) as Tensor
        expect(largestError(step.averages()?.get(name), last), name).toBeGreaterThan(1e-4)
      }
      await step.release()
    },
  )

  test('are the same in one call of several steps, and do not change what is trained', async () => {
    const { averaging, ...plain } = options()
    const [together, apart, without] = await Promise.all([
      compileStep(options(), runtime),
      compileStep(options(), runtime),
      compileStep(plain, runtime),
    ])
    const several = await together.runAll([0, 1, 2].map(batch), random)
    const single = []
    for (let index = 0; index < 3; index++) single.push(await run(apart, index))
    expect(several).toEqual(single)
    expect(together.averages()).toEqual(apart.averages())
    await without.runAll([0, 1, 2].map(batch), random)
    expect(without.parameters()).toEqual(together.parameters())
    expect(without.averages()).toBeNull()
    await Promise.all([together, apart, without].map((step) => step.release()))
  })

  test('begin anew on reset, and go on bitwise from a restored state', async () => {
    const step = await compileStep(options(), runtime)
    expect(step.averages()).toEqual(step.parameters())
    await run(step, 0)
    const saved = step.state()
    await run(step, 1)
    const [state, averages] = [step.state(), step.averages()]
    step.reset()
    expect(step.averages()).toEqual(step.parameters())
    await run(step, 0)
    expect(step.state()).toEqual(saved)
    step.restore(saved)
    await run(step, 1)
    expect(step.state()).toEqual(state)
    expect(step.averages()).toEqual(averages)
    saved.delete('head.bias average')
    expect(() => step.restore(saved)).toThrow('the checkpoint has no "head.bias average"')
    await step.release()
  })

  test.each([-0.1, 1, 0.99999999, Number.NaN])('of decay %d are refused', async (wrong) => {
    const compiled = compileStep({ ...options(), averaging: { decay: wrong } }, runtime)
    await expect(compiled).rejects.toMatchObject({
      code: 'bad-input',
      message: `the decay of an average must be at least 0 and below 1, not ${wrong}`,
    })
  })
})

test.each<LoweringName>(runtime.device === 'cpu' ? ['standard', 'auto'] : ['auto'])(
  'a kernel that is carried by pixel is pulled to its own first values (%s lowering)',
  async (lowering) => {
    const { averaging, ...plain } = options(lowering)
    const [free, held] = await Promise.all([
      compileStep({ ...plain, optimizer: sgd() }, runtime),
      compileStep({ ...plain, optimizer: [decayTowardsStart(2), descend] }, runtime),
    ])
    for (const step of [free, held]) await run(step, 0)
    // At the start there is no pull.
    expect(held.parameters()).toEqual(free.parameters())
    const before = held.parameters()
    for (const step of [free, held]) await run(step, 1)
    for (const name of ['conv.weight', 'wide.weight', 'norm.bias']) {
      const first = network.initializers.get(name)?.data as Float32Array
      const [start, own] = [before, free.parameters()].map((values) => values.get(name) as Tensor)
      const rate = 0.05 * (multipliers.get(name) ?? 1)
      const expected = Array.from(own?.data ?? [], Number).map((value, i) => {
        const way = Number(start?.data[i]) - (first[i] as number)
        return value - rate * 2 * way
      })
      const actual = held.parameters().get(name)
      expect(largestError(actual, float32(own?.dims ?? [], expected)), name).toBeLessThan(2e-6)
      expect(largestError(actual, own as Tensor), name).toBeGreaterThan(1e-5)
    }
    await Promise.all([free, held].map((step) => step.release()))
  },
)
