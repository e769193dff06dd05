import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  decode,
  decodeAll,
  type Encoded,
  largestError,
  readGolden,
  slice,
} from '../../testing/golden.ts'
import { runtime } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { inputName, mlp } from '../nn/architectures.ts'
import { crossEntropy, targetsInput, weightsInput } from '../nn/losses.ts'
import {
  accelerate,
  adam,
  adamw,
  adapt,
  decayTowardsStart,
  descend,
  type Optimizer,
  sgd,
} from '../nn/optimizers.ts'
import { createRandom } from '../random.ts'
import { compileStep, type TrainingStep } from './step.ts'
import type { StepOptions } from './write-step.ts'

type Run = {
  readonly rate: number
  readonly decay: number
  readonly losses: Encoded
  readonly norms: Encoded
  readonly final: Readonly<Record<string, Encoded>>
  /** For L2-SP: its rate for the hidden layer, while the head is new. */
  readonly pull?: number
  readonly averages?: Readonly<Record<string, Encoded>>
}

const golden = await readGolden<{
  readonly largestNorm: number
  readonly multiplier: number
  readonly averageDecay: number
  readonly x: Encoded
  readonly labels: Encoded
  readonly first: Readonly<Record<string, Encoded>>
  readonly results: Readonly<Record<string, Run>>
}>('optimizers')
const [x, labels] = [decode(golden.x), decode(golden.labels)]
const random = createRandom(1)

/** The network of the references: 5 inputs, 4 hidden units, 3 classes, under the same names. */
const built = mlp([5, 1, 1], { sizes: [4], activation: 'tanh', classes: 3 }, random)
const names: Record<string, string> = {
  'hidden.weight': 'hidden1.dense.weight',
  'hidden.bias': 'hidden1.dense.bias',
  'head.weight': 'head.weight',
  'head.bias': 'head.bias',
}
const first = new Map([...decodeAll(golden.first)].map(([key, v]) => [names[key] as string, v]))
const network = { ...built, initializers: first }
const trainable = Object.values(names)

const compile = (optimizer: Optimizer, options: Partial<StepOptions> = {}) =>
  compileStep(
    {
      graph: network,
      loss: crossEntropy(),
      inputs: { [inputName]: { type: 'float32', dims: [8, 5, 1, 1] } },
      trainable,
      optimizer,
      ...options,
    },
    runtime,
  )

/** Step `index` of the references, with the rate falling as 1 / step. */
function runStep(step: TrainingStep, rate: number, index: number) {
  const { data } = slice(x, index)
  const feeds = {
    [inputName]: float32([8, 5, 1, 1], data as Float32Array),
    [targetsInput]: slice(labels, index),
    [weightsInput]: float32([8], Array(8).fill(1)),
  }
  return step.run(feeds, { learningRate: rate / (index + 1), random })
}

const isHead = (name: string) => name.startsWith('head')
const newHead = {
  newParameters: new Set(trainable.filter(isHead)),
  averaging: { decay: golden.averageDecay },
}

const optimizers: Record<
  string,
  (decay: number, pull?: number) => [Optimizer, Partial<StepOptions>?]
> = {
  sgd: (weightDecay) => [sgd({ weightDecay })],
  momentum: (weightDecay) => [sgd({ momentum: 0.9, weightDecay })],
  nesterov: (weightDecay) => [sgd({ momentum: 0.8, nesterov: true, weightDecay })],
  adam: (weightDecay) => [adam({ beta1: 0.8, beta2: 0.99, weightDecay })],
  adamw: (weightDecay) => [adamw({ weightDecay })],
  clipped: () => [sgd({ momentum: 0.9 }), { clipNorm: golden.largestNorm }],
  multiplied: (weightDecay) => [
    adamw({ weightDecay }),
    {
      multipliers: new Map(
        ['hidden1.dense.weight', 'hidden1.dense.bias'].map((name) => [name, golden.multiplier]),
      ),
    },
  ],
  pulled: (decay, pull = 0) => [
    [decayTowardsStart(pull, decay), accelerate(0.9), descend],
    newHead,
  ],
  pulledApart: (decay, pull = 0) => [
    [adapt(0.9, 0.999, 1e-8), decayTowardsStart(pull, decay), descend],
    newHead,
  ],
}

describe('ten steps are those of torch.optim; weight decay is for matrices alone', () => {
  test.each(Object.entries(optimizers))('%s', async (name, make) => {
    const reference = golden.results[name] as Run
    const step = await compile(...make(reference.decay, reference.pull))
    const [losses, norms] = [decode(reference.losses).data, decode(reference.norms).data]
    for (let index = 0; index < 10; index++) {
      const { loss, gradientNorm } = await runStep(step, reference.rate, index)
      expect(loss).toBeCloseTo(losses[index] as number, 4)
      // Before clipping, as clip_grad_norm_ returns it.
      expect(gradientNorm).toBeCloseTo(norms[index] as number, 4)
    }
    const parameters = step.parameters()
    for (const [key, expected] of decodeAll(reference.final)) {
      expect(largestError(parameters.get(names[key] as string), expected), key).toBeLessThan(3e-5)
    }
    for (const [key, expected] of decodeAll(reference.averages ?? {})) {
      const average = step.averages()?.get(names[key] as string)
      expect(largestError(average, expected), key).toBeLessThan(3e-5)
      expect(largestError(average, parameters.get(names[key] as string) as Tensor)).toBeGreaterThan(
        1e-3,
      )
    }
    await step.release()
  })

  test('clipping was at work in some steps and not in others', () => {
    const norms = Array.from(decode((golden.results.clipped as Run).norms).data, Number)
    expect(norms.filter((norm) => norm > golden.largestNorm).length).toBeGreaterThan(0)
    expect(norms.filter((norm) => norm < golden.largestNorm).length).toBeGreaterThan(0)
  })
})

describe('what a step carries', () => {
  let step: TrainingStep
  beforeAll(async () => {
    step = await compile(adamw(), { clipNorm: 1 })
  })
  afterAll(() => step.release())

  const runAll = async (from: number, to: number) => {
    const results = []
    for (let index = from; index < to; index++) results.push(await runStep(step, 0.05, index))
    return results
  }

  test('continues bitwise from a restored state', async () => {
    step.reset()
    await runAll(0, 3)
    const saved = step.state()
    expect([...saved.keys()].sort()).toEqual(
      [...trainable.flatMap((name) => [name, `${name} mean0`, `${name} square0`]), 'steps'].sort(),
    )
    const results = await runAll(3, 6)
    const end = step.state()
    await runAll(6, 10)
    step.restore(saved)
    expect(step.state()).toEqual(saved)
    expect(await runAll(3, 6)).toEqual(results)
    expect(step.state()).toEqual(end)

    const another = await compile(adamw(), { clipNorm: 1 })
    another.restore(saved)
    for (let index = 3; index < 6; index++) await runStep(another, 0.05, index)
    expect(another.state()).toEqual(end)
    await another.release()
  })

  test('refuses a state that lacks something, or is of another network', () => {
    const state = step.state()
    state.delete('head.bias square0')
    expect(() => step.restore(state)).toThrow('the checkpoint has no "head.bias square0"')
    state.set('head.bias square0', float32([2], [1, 2]))
    expect(() => step.restore(state)).toThrow(
      /^the checkpoint has 2 values of "head.bias square0" where there are \d+: it is of another network$/,
    )
  })

  test('starts anew on reset, from given parameters or those of the network', async () => {
    step.reset()
    const results = await runAll(0, 4)
    step.reset()
    expect(await runAll(0, 4)).toEqual(results)
    const bias = float32([3], [1, 2, 3])
    step.reset(new Map([['head.bias', bias]]))
    expect(step.parameters().get('head.bias')).toEqual(bias)
    expect(step.parameters().get('head.weight')).toEqual(first.get('head.weight'))
    expect(step.state().get('head.bias mean0')?.data).toEqual(new Float32Array(3))
  })

  test('is copied out: neither later steps nor the reader change what the other has', async () => {
    step.reset()
    await runAll(0, 1)
    const [parameters, state] = [step.parameters(), step.state()]
    const copies = structuredClone([parameters, state])
    await runAll(1, 3)
    expect([parameters, state]).toEqual(copies)
    const now = structuredClone(step.state())
    for (const { data } of step.parameters().values()) (data as Float32Array).fill(9)
    for (const { data } of step.state().values()) (data as Float32Array).fill(9)
    expect(step.state()).toEqual(now)
  })
})

test('decay holds what is reused to the values of the last reset, and new matrices to zero', async () => {
  const all = (value: number) =>
    new Map(
      [...first].map(([name, { dims, data }]): [string, Tensor] => [
        name,
        float32(dims, Array(data.length).fill(value)),
      ]),
    )
  const { newParameters } = newHead
  const [free, held] = await Promise.all([
    compile(sgd()),
    compile([decayTowardsStart(0.5), descend], { newParameters }),
  ])
  for (const step of [free, held]) {
    step.reset(all(3))
    // Somewhere else, as after some steps; what they began at stays.
    step.restore(new Map([...step.state(), ...all(7)]))
    await runStep(step, 1, 0)
  }
  const pulls = { 'hidden1.dense.weight': 2, 'hidden1.dense.bias': 2, 'head.weight': 3.5 }
  for (const [name, { data }] of free.parameters()) {
    const pull = (pulls as Record<string, number>)[name] ?? 0
    data.forEach((value, index) => {
      const moved = Number(value) - Number(held.parameters().get(name)?.data[index])
      expect(moved, name).toBeCloseTo(pull, 5)
    })
  }
  await Promise.all([free, held].map((step) => step.release()))
})

test('what has one axis, or is broadcast over the batch, does not decay', async () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2, 3])
  const ones = (dims: number[]) => float32(dims, Array(dims.reduce((a, b) => a * b)).fill(1))
  const scaled = builder.op('Mul', [x, builder.parameter('scale', ones([1, 3]))])
  const moved = builder.op('Add', [scaled, builder.parameter('offset', ones([3]))])
  const product = builder.op('MatMul', [moved, builder.parameter('weight', ones([3, 2]))])
  builder.output(product)
  const step = await compileStep(
    {
      graph: builder.build(),
      loss: crossEntropy(),
      inputs: { x: { type: 'float32', dims: [2, 3] } },
      trainable: ['scale', 'offset', 'weight'],
      optimizer: sgd({ weightDecay: 0.5 }),
    },
    runtime,
  )
  // Equal logits and balanced targets for equal rows: the gradient of everything is zero but for the decay.
  const feeds = {
    x: ones([2, 3]),
    [targetsInput]: { type: 'int64', dims: [2], data: BigInt64Array.of(0n, 1n) } as Tensor,
    [weightsInput]: ones([2]),
  }
  await step.run(feeds, { learningRate: 1, random })
  const after = (name: string) => Array.from(step.parameters().get(name)?.data ?? [], Number)
  expect(after('scale')).toEqual([1, 1, 1])
  expect(after('offset')).toEqual([1, 1, 1])
  expect(after('weight')).toEqual(Array(6).fill(0.5))
  await step.release()
})
