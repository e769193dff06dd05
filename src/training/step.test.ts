import { describe, expect, test } from 'vitest'
import {
  decode,
  decodeAll,
  type Encoded,
  largestError,
  readGolden,
  slice,
} from '../../testing/golden.ts'
import { run, runtime } from '../../testing/runtime.ts'
import { networkOf, normal, ones, stepOptions } from '../../testing/training-steps.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32, int64, type Tensor } from '../graph/tensor.ts'
import { inputName, mlp, resnet } from '../nn/architectures.ts'
import {
  activations,
  batchNormalization,
  conv,
  dense,
  dropout,
  flatten,
  sequential,
} from '../nn/layers.ts'
import { binaryCrossEntropy, meanSquaredError, targetsInput, weightsInput } from '../nn/losses.ts'
import { adam } from '../nn/optimizers.ts'
import { createRandom } from '../random.ts'
import { withParameters } from './forward.ts'
import { trainableParameters } from './loop.ts'
import { compileStep } from './step.ts'
import { writeStep } from './write-step.ts'

const random = createRandom(1)

describe('batch normalization in training mode', async () => {
  const golden = await readGolden<{
    readonly rate: number
    readonly x: Encoded
    readonly labels: Encoded
    readonly first: Readonly<Record<string, Encoded>>
    readonly losses: Encoded
    readonly states: Readonly<Record<string, Readonly<Record<string, Encoded>>>>
    readonly evaluation: Encoded
  }>('batch-normalization')
  const network = withParameters(
    networkOf(
      sequential({
        conv: conv(4, 3, { bias: false }),
        norm: batchNormalization(),
        act: activations.relu.layer(),
        flatten: flatten(),
        head: dense(3),
      }),
      [2, 5, 4],
    ),
    decodeAll(golden.first),
  )
  const [x, labels, losses] = [decode(golden.x), decode(golden.labels), decode(golden.losses)]
  const feedsOf = (index: number) => ({
    x: slice(x, index),
    [targetsInput]: slice(labels, index),
    [weightsInput]: ones(6),
  })

  test('three steps are those of torch.nn.BatchNorm2d: values, gradients and running statistics', async () => {
    const step = await compileStep(
      stepOptions(network, [6, 2, 5, 4], { batchStatistics: true }),
      runtime,
    )
    for (const index of [0, 1, 2]) {
      const { loss } = await step.run(feedsOf(index), { learningRate: golden.rate, random })
      expect(loss).toBeCloseTo(losses.data[index] as number, 5)
      const parameters = step.parameters()
      const expected = decodeAll(golden.states[index + 1] as Record<string, Encoded>)
      expect([...parameters.keys()].sort()).toEqual([...expected.keys()].sort())
      for (const [name, value] of expected) {
        expect(largestError(parameters.get(name), value), name).toBeLessThan(2e-5)
      }
    }
    const evaluated = await run(withParameters(network, step.parameters()), { x: slice(x, 0) })
    const logits = Object.values(evaluated)[0]
    expect(largestError(logits, decode(golden.evaluation))).toBeLessThan(2e-5)
    await step.release()
  })

  test('by default its statistics are frozen, in use and in value', async () => {
    const step = await compileStep(stepOptions(network, [6, 2, 5, 4]), runtime)
    const evaluated = Object.values(await run(network, { x: slice(x, 0) }))[0] as Tensor
    const { loss } = await step.run(feedsOf(0), { learningRate: 0.1, random })
    expect([...step.parameters().keys()]).not.toContain('norm.running_mean')
    const naive = Array.from({ length: 6 }, (_, row) => {
      const logits = Array.from(slice(evaluated, row).data, Number)
      const own = logits[Number(labels.data[row])] as number
      return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - own
    })
    expect(loss).toBeCloseTo(naive.reduce((a, b) => a + b, 0) / 6, 5)
    await step.release()
  })

  test('its statistics are carried even where nothing of it is trained', async () => {
    const step = await compileStep(
      stepOptions(network, [6, 2, 5, 4], {
        batchStatistics: true,
        trainable: ['head.weight', 'head.bias'],
      }),
      runtime,
    )
    await step.run(feedsOf(0), { learningRate: 0.1, random })
    // Nothing below it changed in the first step of the reference either.
    const expected = decodeAll(golden.states['1'] as Record<string, Encoded>)
    for (const name of ['norm.running_mean', 'norm.running_var', 'head.weight']) {
      const value = expected.get(name) as Tensor
      expect(largestError(step.parameters().get(name), value), name).toBeLessThan(2e-5)
    }
    await step.release()
  })
})

describe('frozen parameters', () => {
  const network = mlp([3, 1, 1], { sizes: [4, 4], activation: 'tanh', classes: 2 }, random)
  const frozen = ['hidden1.dense.weight', 'hidden1.dense.bias']
  const trainable = trainableParameters(network).filter((name) => !frozen.includes(name))

  test('are constants of the compiled step, not inputs', async () => {
    const { graph, carried } = await writeStep(
      stepOptions(network, [2, 3, 1, 1], { trainable }),
      runtime,
    )
    for (const name of frozen)
      expect(graph.initializers.get(name)).toBe(network.initializers.get(name))
    for (const name of trainable) expect(graph.initializers.has(name)).toBe(false)
    const flat = graph.inputs.map(({ name }) => name).filter((name) => name.endsWith(' flat'))
    expect(flat.toSorted()).toEqual(carried.map(({ input }) => input).toSorted())
    const names = carried.flatMap(({ parts }) => parts.map(({ parameter }) => parameter))
    expect(names.toSorted()).toEqual(trainable.toSorted())
    for (const name of frozen) {
      expect(JSON.stringify(graph.inputs)).not.toContain(name)
    }
  })

  test('keep their bytes, and so does the network that the step was made of', async () => {
    const before = structuredClone(network.initializers)
    const step = await compileStep(stepOptions(network, [2, 3, 1, 1], { trainable }), runtime)
    for (let i = 0; i < 5; i++) {
      const feeds = {
        [inputName]: normal([2, 3, 1, 1], i),
        [targetsInput]: int64([2], [0, 1]),
        [weightsInput]: ones(2),
      }
      await step.run(feeds, { learningRate: 0.5, random })
    }
    expect([...step.parameters().keys()].sort()).toEqual(trainable.toSorted())
    expect(network.initializers).toEqual(before)
    for (const name of trainable) {
      expect(step.parameters().get(name)).not.toEqual(before.get(name))
    }
    await step.release()
  })
})

test('a step with padding rows of weight zero equals the step without them', async () => {
  const network = resnet([2, 6, 6], { classes: 3, widths: [4, 8] }, random)
  const x = normal([5, 2, 6, 6])
  const row = 2 * 6 * 6
  const results = []
  for (const [count, padding] of [
    [3, 0],
    [3, 2],
  ] as const) {
    const rows = count + padding
    const step = await compileStep(stepOptions(network, [rows, 2, 6, 6]), runtime)
    const feeds = {
      [inputName]: float32([rows, 2, 6, 6], x.data.slice(0, rows * row) as Float32Array),
      [targetsInput]: int64([rows], [0, 2, 1, 1, 0].slice(0, rows)),
      [weightsInput]: float32([rows], [1, 1, 1, 0, 0].slice(0, rows)),
    }
    const result = await step.run(feeds, { learningRate: 0.1, random })
    results.push({ ...result, parameters: step.parameters() })
    await step.release()
  }
  const [plain, padded] = results as [(typeof results)[0], (typeof results)[0]]
  expect(padded.loss).toBeCloseTo(plain.loss, 5)
  expect(padded.gradientNorm).toBeCloseTo(plain.gradientNorm, 5)
  for (const [name, value] of plain.parameters) {
    expect(largestError(padded.parameters.get(name), value), name).toBeLessThan(1e-5)
  }
})

describe('dropout', () => {
  const network = networkOf(sequential({ drop: dropout(0.4), head: dense(3) }), [50])
  const x = normal([4, 50])
  const feeds = { x, [targetsInput]: int64([4], [0, 1, 2, 0]), [weightsInput]: ones(4) }
  const lossesOf = async (seed: number) => {
    const step = await compileStep(stepOptions(network, [4, 50]), runtime)
    const settings = { learningRate: 0, random: createRandom(seed) }
    const losses = [(await step.run(feeds, settings)).loss, (await step.run(feeds, settings)).loss]
    await step.release()
    return losses
  }

  test('draws a new mask at every step, the same for the same seed', async () => {
    const [one, again, other] = [await lossesOf(1), await lossesOf(1), await lossesOf(2)]
    expect(again).toEqual(one)
    expect(one[1]).not.toBe(one[0])
    expect(other).not.toEqual(one)
  })

  test('is gone in evaluation', async () => {
    const [[dropped], [plain]] = (await Promise.all(
      [network, networkOf(sequential({ head: dense(3) }), [50])].map(async (graph) =>
        Object.values(await run(graph, { x })),
      ),
    )) as [[Tensor], [Tensor]]
    expect(dropped.data).toEqual(plain.data)
  })

  test('may sit in a branch that the loss does not see', async () => {
    const builder = createBuilder('network', network)
    builder.output(builder.op('Dropout', ['x', builder.scalar(0.5)]))
    const step = await compileStep(stepOptions(builder.build(), [4, 50]), runtime)
    const { loss } = await step.run(feeds, { learningRate: 0, random: createRandom(1) })
    expect(loss).toBeGreaterThan(0)
    await step.release()
  })
})

describe('training learns by heart', () => {
  test('an mlp fits random labels with cross-entropy', async () => {
    const network = mlp([4, 1, 1], { sizes: [32], activation: 'relu', classes: 3 }, random)
    const step = await compileStep(
      stepOptions(network, [12, 4, 1, 1], { optimizer: adam() }),
      runtime,
    )
    const labels = Array.from({ length: 12 }, (_, i) => i % 3)
    const feeds = {
      [inputName]: normal([12, 4, 1, 1]),
      [targetsInput]: int64([12], labels),
      [weightsInput]: ones(12),
    }
    const first = await step.run(feeds, { learningRate: 0.02, random })
    let last = first
    for (let i = 0; i < 300; i++) last = await step.run(feeds, { learningRate: 0.02, random })
    expect(first.loss).toBeGreaterThan(0.7)
    expect(last.loss).toBeLessThan(0.01)
    expect(last.gradientNorm).toBeLessThan(first.gradientNorm / 10)
    await step.release()
  })

  test.each([
    ['meanSquaredError', meanSquaredError],
    ['binaryCrossEntropy', binaryCrossEntropy],
  ])('an mlp reproduces two outputs with %s', async (_, loss) => {
    const network = mlp([3, 1, 1], { sizes: [16], activation: 'tanh', classes: 2 }, random)
    const step = await compileStep(
      stepOptions(network, [6, 3, 1, 1], { optimizer: adam(), loss }),
      runtime,
    )
    const targets = float32([6, 2], [0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1])
    const feeds = {
      [inputName]: normal([6, 3, 1, 1]),
      [targetsInput]: targets,
      [weightsInput]: ones(6),
    }
    let last = Number.POSITIVE_INFINITY
    for (let i = 0; i < 300; i++) {
      last = (await step.run(feeds, { learningRate: 0.02, random })).loss
    }
    expect(last).toBeLessThan(0.02)
    await step.release()
  })
})

describe('what cannot be trained is said', () => {
  const network = mlp([2, 1, 1], { sizes: [2], activation: 'relu', classes: 2 }, random)

  test('a parameter that the network does not have', async () => {
    const compiled = compileStep(
      stepOptions(network, [2, 2, 1, 1], { trainable: ['hidden9.weight'] }),
      runtime,
    )
    await expect(compiled).rejects.toMatchObject({
      code: 'bad-input',
      message: 'the network has no parameter "hidden9.weight"',
    })
  })

  test('a parameter that does not reach the loss', async () => {
    const builder = createBuilder('network', network)
    const aside = builder.op('Mul', ['input', builder.parameter('aside', ones(1))])
    builder.output(aside)
    const compiled = compileStep(stepOptions(builder.build(), [2, 2, 1, 1]), runtime)
    await expect(compiled).rejects.toMatchObject({
      code: 'bad-input',
      message: 'the loss does not depend on the parameter "aside"',
    })
  })

  test('an operator without a gradient above a trained layer', async () => {
    const builder = createBuilder()
    const x = builder.input('x', 'float32', ['N', 3])
    const scaled = builder.op('Mul', [x, builder.parameter('scale', ones(3))])
    const graph = builder.build()
    const odd = {
      ...graph,
      nodes: [
        ...graph.nodes,
        {
          name: 'odd',
          operator: 'Hardmax',
          domain: '',
          inputs: [scaled],
          outputs: ['y'],
          attributes: {},
        },
      ],
      outputs: [{ name: 'y' }],
    }
    await expect(compileStep(stepOptions(odd, [2, 3]), runtime)).rejects.toMatchObject({
      code: 'unsupported',
      message:
        'Hardmax node "odd" has no gradient rule, and a trained layer lies below it: freeze everything up to "y", the lowest cut above all such operators',
    })
  })
})

test('a network may have values that are named like the inputs of a step', async () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['N', 3])
  const weight = builder.parameter('weights', normal([2, 3]))
  const product = builder.op('Gemm', [x, weight], { transB: 1 })
  const logits = ['targets', 'step', 'learning rate'].reduce(
    (value, name) => builder.alias(name, value),
    product,
  )
  builder.output(logits)
  const graph = builder.build()
  const step = await compileStep(stepOptions(graph, [2, 3]), runtime)
  const feeds = { x: normal([2, 3]), [targetsInput]: int64([2], [0, 1]), [weightsInput]: ones(2) }
  const { loss } = await step.run(feeds, { learningRate: 0.1, random })
  expect(loss).toBeGreaterThan(0)
  expect([...step.parameters().keys()]).toEqual(['weights'])
  await step.release()
})
