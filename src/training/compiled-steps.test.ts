import { describe, expect, test } from 'vitest'
import { networkOf, normal, ones, stepOptions } from '../../testing/training-steps.ts'
import { int64, type Tensor } from '../graph/tensor.ts'
import { batchNormalization, conv, dense, flatten, sequential } from '../nn/layers.ts'
import { crossEntropy, targetsInput, weightsInput } from '../nn/losses.ts'
import { adam, decayTowardsStart, descend, sgd } from '../nn/optimizers.ts'
import { createRandom } from '../random.ts'
import { nodeRuntime } from '../runtime/node.ts'
import type { Runtime } from '../runtime/session.ts'
import { compileStep } from './step.ts'
import type { StepOptions } from './write-step.ts'

/** A runtime of its own, with a cache of its own, and the number of sessions with a loop that it made and that were released. */
function counting() {
  const counts = { compiled: 0, released: 0 }
  const runtime: Runtime = {
    ...nodeRuntime,
    async createSession(graph, options) {
      const session = await nodeRuntime.createSession(graph, options)
      if (graph.nodes[0]?.operator !== 'Loop') return session
      counts.compiled++
      return {
        ...session,
        async release() {
          counts.released++
          await session.release()
        },
      }
    },
  }
  return { runtime, counts }
}

const network = (seed: number) =>
  networkOf(
    sequential({
      conv: conv(8, 3, { bias: false }),
      norm: batchNormalization(),
      flatten: flatten(),
      head: dense(3),
    }),
    [2, 5, 4],
    seed,
  )
const dims = [6, 2, 5, 4]
const random = createRandom(1)
const feeds = {
  x: normal(dims),
  [targetsInput]: int64([6], [0, 1, 2, 0, 1, 2]),
  [weightsInput]: ones(6),
}
const headOnly = { trainable: ['head.weight', 'head.bias'] }

describe('a step that was compiled before is taken again', () => {
  test('for other values of what is trained, which each step keeps for itself', async () => {
    const { runtime, counts } = counting()
    const losses: number[] = []
    const steps = await Promise.all(
      [1, 2].map((seed) =>
        compileStep(stepOptions(network(seed), dims, { batchStatistics: true }), runtime),
      ),
    )
    for (const step of [...steps, ...steps]) {
      losses.push((await step.run(feeds, { learningRate: 0.1, random })).loss)
    }
    expect(counts.compiled).toBe(1)
    const alone = await compileStep(
      stepOptions(network(2), dims, { batchStatistics: true }),
      counting().runtime,
    )
    for (const index of [1, 3]) {
      expect((await alone.run(feeds, { learningRate: 0.1, random })).loss).toBe(losses[index])
    }
    await Promise.all([...steps, alone].map((step) => step.release()))
  })

  test('after its release, which may be said twice', async () => {
    const { runtime, counts } = counting()
    for (let round = 0; round < 3; round++) {
      const step = await compileStep(stepOptions(network(round), dims), runtime)
      await step.run(feeds, { learningRate: 0.1, random })
      await step.release()
      await step.release()
    }
    expect(counts).toEqual({ compiled: 1, released: 0 })
  })
})

describe('a step is compiled anew', () => {
  const base = stepOptions(network(1), dims)
  const changed = (name: string, change: (value: number) => number): StepOptions => {
    const { data, ...type } = base.graph.initializers.get(name) as Tensor
    const value = { ...type, data: Float32Array.from(data as Float32Array, change) }
    return {
      ...base,
      graph: { ...base.graph, initializers: new Map([...base.graph.initializers, [name, value]]) },
    }
  }
  test.each<[string, StepOptions, StepOptions]>([
    ['other batch size', base, stepOptions(network(1), [5, 2, 5, 4])],
    [
      'other frozen values',
      { ...base, ...headOnly },
      { ...changed('conv.weight', (value) => -value), ...headOnly },
    ],
    ['other frozen statistics', base, changed('norm.running_mean', (value) => value + 1)],
    ['other layers frozen', base, { ...base, ...headOnly }],
    ['training mode', base, { ...base, batchStatistics: true }],
    [
      'training mode of one layer',
      { ...base, batchStatistics: new Set<string>() },
      { ...base, batchStatistics: new Set(['BatchNormalization']) },
    ],
    ['other loss', base, { ...base, loss: crossEntropy({ smoothing: 0.1 }) }],
    ['other optimizer', base, { ...base, optimizer: adam() }],
    [
      'other momentum',
      { ...base, optimizer: sgd({ momentum: 0.9 }) },
      { ...base, optimizer: sgd({ momentum: 0.8 }) },
    ],
    [
      'other weight decay',
      { ...base, optimizer: sgd({ weightDecay: 0.1 }) },
      { ...base, optimizer: sgd({ weightDecay: 0.2 }) },
    ],
    ['other clipping', base, { ...base, clipNorm: 1 }],
    ['other rates', base, { ...base, multipliers: new Map([['conv.weight', 0.5]]) }],
    ['new layers', base, { ...base, newParameters: new Set(['head.weight']) }],
    [
      'other pull of new layers to zero',
      { ...base, optimizer: [decayTowardsStart(0.1, 0.1), descend] },
      { ...base, optimizer: [decayTowardsStart(0.1, 0.2), descend] },
    ],
    ['averages', base, { ...base, averaging: { decay: 0.9 } }],
    [
      'other averages',
      { ...base, averaging: { decay: 0.9 } },
      { ...base, averaging: { decay: 0.8 } },
    ],
    ['other lowering', { ...base, lowering: 'standard' }, { ...base, lowering: 'blocked' }],
  ])('for %s', async (_, first, second) => {
    const { runtime, counts } = counting()
    for (const options of [first, second, first]) {
      const step = await compileStep(options, runtime)
      await step.release()
    }
    expect(counts.compiled).toBe(2)
  })

  test('where the one before failed', async () => {
    const { runtime } = counting()
    let failures = 1
    const failing: Runtime = {
      ...runtime,
      createSession: (graph, options) =>
        graph.nodes[0]?.operator === 'Loop' && failures-- > 0
          ? Promise.reject(new Error('no memory'))
          : runtime.createSession(graph, options),
    }
    await expect(compileStep(base, failing)).rejects.toThrow('no memory')
    await (await compileStep(base, failing)).release()
  })
})

test('of the steps that nobody uses, those used last are kept, up to half a gigabyte', async () => {
  const { runtime, counts } = counting()
  const wide = networkOf(sequential({ flatten: flatten(), head: dense(3) }), [1, 100, 1000])
  const compile = (batch: number) => compileStep(stepOptions(wide, [batch, 1, 100, 1000]), runtime)
  // A batch of 500 takes 200 MB, its flat copy as much.
  for (const batch of [500, 501, 502]) await (await compile(batch)).release()
  expect(counts).toEqual({ compiled: 3, released: 2 })
  await (await compile(502)).release()
  await (await compile(500)).release()
  expect(counts).toEqual({ compiled: 4, released: 3 })
})
