import { describe, expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { networkOf, normal, ones, stepOptions } from '../../testing/training-steps.ts'
import { int64 } from '../graph/tensor.ts'
import { dense, dropout, flatten, sequential } from '../nn/layers.ts'
import { targetsInput, weightsInput } from '../nn/losses.ts'
import { adam } from '../nn/optimizers.ts'
import { createRandom } from '../random.ts'
import { compileStep } from './step.ts'

const random = createRandom(1)

describe('several steps in one call', async () => {
  const network = networkOf(
    sequential({
      flatten: flatten(),
      hidden: dense(8),
      drop: dropout(0.5),
      head: dense(3),
    }),
    [2, 2, 2],
  )
  const settings = stepOptions(network, [4, 2, 2, 2], { optimizer: adam() })
  const batch = (index: number) => ({
    feeds: {
      x: normal([4, 2, 2, 2], index),
      [targetsInput]: int64([4], [0, 1, 2, index % 3]),
      [weightsInput]: ones(4),
    },
    learningRate: 0.01 * (index + 1),
  })

  test('are those of one call a step, bit for bit, dropout masks included', async () => {
    const [together, apart] = await Promise.all([
      compileStep(settings, runtime),
      compileStep(settings, runtime),
    ])
    const [first, second] = [createRandom('masks'), createRandom('masks')]
    const several = await together.runAll([0, 1, 2].map(batch), first)
    const more = await together.runAll([batch(3)], first)
    const single = []
    for (const { feeds, learningRate } of [0, 1, 2, 3].map(batch)) {
      single.push(await apart.run(feeds, { learningRate, random: second }))
    }
    expect([...several, ...more]).toEqual(single)
    expect(together.state()).toEqual(apart.state())
    await Promise.all([together.release(), apart.release()])
  })

  test('are the same where a run writes over what it was fed, and where it does not', async () => {
    const [inPlace, anew] = await Promise.all([
      compileStep(settings, runtime),
      compileStep(settings, { ...runtime, writesInto: false }),
    ])
    const [first, second] = [createRandom('masks'), createRandom('masks')]
    for (const indices of [[0, 1, 2], [3]]) {
      const results = await inPlace.runAll(indices.map(batch), first)
      expect(results).toEqual(await anew.runAll(indices.map(batch), second))
      expect(inPlace.state()).toEqual(anew.state())
    }
    await Promise.all([inPlace.release(), anew.release()])
  })

  test('copy each batch before the next is asked for, so that one buffer serves all', async () => {
    const step = await compileStep(settings, runtime)
    const shared = batch(0)
    function* refilled() {
      for (const index of [0, 1]) {
        const { feeds, learningRate } = batch(index)
        for (const [name, { data }] of Object.entries(feeds)) {
          ;(shared.feeds[name as 'x'].data as Float32Array).set(data as Float32Array)
        }
        yield { feeds: shared.feeds, learningRate }
      }
    }
    const results = await step.runAll(refilled(), createRandom('masks'))
    step.reset()
    expect(await step.runAll([0, 1].map(batch), createRandom('masks'))).toEqual(results)
    await step.release()
  })

  test('more than there is room for, or a batch of another size, is an error that says so', async () => {
    const step = await compileStep(settings, runtime)
    const many = Array.from({ length: step.capacity + 1 }, (_, index) => batch(index))
    await expect(step.runAll(many, random)).rejects.toThrow(/more than \d+ steps/)
    const { feeds } = batch(0)
    const small = { ...feeds, x: normal([3, 2, 2, 2]) }
    await expect(step.run(small, { learningRate: 1, random })).rejects.toThrow(
      'the step needs "x" as float32 [4, 2, 2, 2]',
    )
    expect(await step.runAll([], random)).toEqual([])
    await step.release()
  })
})
