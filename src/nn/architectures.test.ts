import { describe, expect, test } from 'vitest'
import { run } from '../../testing/runtime.ts'
import { countParameters } from '../graph/cost.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, sizeOf, type Tensor } from '../graph/tensor.ts'
import { verify } from '../graph/verify.ts'
import { createRandom } from '../random.ts'
import { trainableParameters } from '../training/loop.ts'
import { cnn, type InputDims, inputName, mlp, outputName, resnet, vgg } from './architectures.ts'

const random = createRandom(1)

function normal(dims: readonly number[], seed = 2): Tensor {
  const source = createRandom(seed)
  return float32(
    dims,
    Array.from({ length: sizeOf(dims) }, () => source.normal()),
  )
}

async function logits(graph: Graph, input: InputDims, batch: number): Promise<Tensor> {
  verify(graph)
  const results = await run(graph, { [inputName]: normal([batch, ...input]) })
  return results[outputName] as Tensor
}

/** The values in what training changes: no running statistics. */
function countTrainable(graph: Graph): number {
  const sizes = trainableParameters(graph).map((name) =>
    sizeOf(graph.initializers.get(name)?.dims ?? []),
  )
  return sizes.reduce((a, b) => a + b, 0)
}

describe('every architecture turns a batch of images into logits', () => {
  const inputs: InputDims[] = [
    [1, 28, 28],
    [3, 32, 32],
    [1, 7, 12],
  ]
  test.each(inputs)('cnn on %i x %i x %i', async (...input) => {
    const output = await logits(cnn(input, { classes: 7 }, random), input, 3)
    expect(output.dims).toEqual([3, 7])
  })

  test.each([...inputs, [3, 1, 2]] as InputDims[])('vgg on %i x %i x %i', async (...input) => {
    const output = await logits(vgg(input, { classes: 6 }, random), input, 3)
    expect(output.dims).toEqual([3, 6])
  })

  const sizes: [InputDims, number][] = [
    [[3, 32, 32], 1],
    [[3, 64, 64], 2],
    [[1, 63, 65], 2],
    [[3, 31, 35], 1],
    [[3, 1, 1], 1],
  ]
  test.each(sizes)('resnet on %j with a first stride of %i', async (input, stemStride) => {
    const output = await logits(resnet(input, { classes: 5, stemStride }, random), input, 2)
    expect(output.dims).toEqual([2, 5])
  })

  test('mlp, for every activation', async () => {
    for (const activation of ['relu', 'selu', 'elu', 'tanh', 'sigmoid'] as const) {
      const graph = mlp([2, 3, 3], { sizes: [6, 4], activation, classes: 3 }, random)
      expect((await logits(graph, [2, 3, 3], 2)).dims).toEqual([2, 3])
    }
    const linear = mlp([2, 3, 3], { sizes: [], activation: 'relu', classes: 3 }, random)
    expect(countParameters(linear)).toBe(3 * 18 + 3)
  })
})

describe('the numbers of parameters', () => {
  test('resnet-20 for CIFAR-10 with projections has 272474, and 1376 running statistics', () => {
    // 269722 with parameter-free shortcuts (He et al., 2016, table 6: 0.27M), 576 and 2176 more in the two projections.
    const graph = resnet([3, 32, 32], { classes: 10, blocks: 3 }, random)
    expect(countTrainable(graph)).toBe(269722 + 576 + 2176)
    // Means and variances of 7, 7 and 7 normalizations of 16, 32 and 64 channels, one stem among the first and a projection in each of the others.
    expect(countParameters(graph) - countTrainable(graph)).toBe(2 * (7 * 16 + 7 * 32 + 7 * 64))
  })

  test('resnet-56 for CIFAR-10 has 0.85 million before its projections', () => {
    const graph = resnet([3, 32, 32], { classes: 10, blocks: 9 }, random)
    expect(countTrainable(graph)).toBe(853018 + 576 + 2176)
  })

  test('cnn for 28 x 28 digits', () => {
    const graph = cnn([1, 28, 28], { classes: 10 }, random)
    const [conv1, conv2, hidden, head] = [320, 18496, 14 * 14 * 64 * 128 + 128, 1290]
    expect(countParameters(graph)).toBe(conv1 + conv2 + hidden + head)
    expect(countTrainable(graph)).toBe(conv1 + conv2 + hidden + head)
  })

  test('vgg for 28 x 28 clothes', () => {
    const graph = vgg([1, 28, 28], { classes: 10 }, random)
    // Kernels of 3 x 3 without biases, and a scale and a shift for each of their filters; the head reads what 28 leaves when it is halved three times.
    const kernels = 9 * (1 * 32 + 32 * 64 + 64 * 128)
    const normalized = 32 + 64 + 128
    expect(countTrainable(graph)).toBe(kernels + 2 * normalized + (9 * 128 * 10 + 10))
    expect(countParameters(graph) - countTrainable(graph)).toBe(2 * normalized)
  })

  test('an mlp of 784, 300, 100 and 10 units has 266610', () => {
    const graph = mlp([1, 28, 28], { sizes: [300, 100], activation: 'relu', classes: 10 }, random)
    expect(countTrainable(graph)).toBe(266610)
  })
})

describe('an mlp of 20 layers', () => {
  const sizes = Array<number>(20).fill(200)
  /** The variance over units and examples after each hidden layer. */
  async function variances(activation: 'selu' | 'sigmoid' | 'relu') {
    const graph = mlp([1, 10, 20], { sizes, activation, classes: 2 }, createRandom(3))
    const acts = graph.nodes.filter(({ operator }) => operator.toLowerCase() === activation)
    expect(acts).toHaveLength(20)
    const outputs = acts.map(({ outputs: [name = ''] }) => ({ name }))
    const values = await run({ ...graph, outputs }, { [inputName]: normal([64, 1, 10, 20]) })
    return outputs.map(({ name }) => {
      const data = Array.from((values[name] as Tensor).data, Number)
      const mean = data.reduce((a, b) => a + b, 0) / data.length
      return { mean, variance: data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length }
    })
  }

  test('keeps mean 0 and variance 1 with SELU (Klambauer et al., 2017)', async () => {
    for (const { mean, variance } of await variances('selu')) {
      expect(Math.abs(mean)).toBeLessThan(0.15)
      expect(variance).toBeGreaterThan(0.8)
      expect(variance).toBeLessThan(1.25)
    }
  })

  test('fades with sigmoid', async () => {
    expect((await variances('sigmoid')).at(-1)?.variance).toBeLessThan(0.1)
  })
})

test('the same seed builds the same network, another seed another one', () => {
  const build = (seed: number) => resnet([3, 8, 8], { classes: 2, widths: [4] }, createRandom(seed))
  expect(build(5)).toEqual(build(5))
  const weight = (graph: Graph) => graph.initializers.get('stem.first.conv.weight')?.data
  expect(weight(build(6))).not.toEqual(weight(build(5)))
})
