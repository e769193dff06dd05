import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { run } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, sizeOf, type Tensor } from '../graph/tensor.ts'
import { verify } from '../graph/verify.ts'
import { createRandom } from '../random.ts'
import { mean } from '../statistics/summaries.ts'
import {
  type Activation,
  activations,
  averagePool,
  batchNormalization,
  conv,
  convTranspose,
  dense,
  dropout,
  flatten,
  globalAveragePool,
  type Layer,
  layerNormalization,
  maxPool,
  residual,
  sequential,
} from './layers.ts'

const batch = 2

/** One layer on an input of dimensions [batch, ...dims]. */
function networkOf(layer: Layer, dims: readonly number[], seed = 1) {
  const builder = createBuilder()
  const x = { name: builder.input('x', 'float32', ['N', ...dims]), dims }
  const value = layer({ builder, random: createRandom(seed) }, x, 'layer')
  builder.output(value.name)
  return { graph: builder.build(), dims: value.dims }
}

function normal(dims: readonly number[], seed = 2): Tensor {
  const random = createRandom(seed)
  return float32(
    dims,
    Array.from({ length: sizeOf(dims) }, () => random.normal()),
  )
}

async function outputOf(graph: Graph, x: Tensor): Promise<Tensor> {
  const [output] = Object.values(await run(graph, { x }))
  return output as Tensor
}

const size = (least: number, most: number) => fc.integer({ min: least, max: most })

/** Layers on images, with sizes that they can take. */
const imageLayers: Record<string, fc.Arbitrary<Layer>> = {
  conv: fc
    .record({
      filters: size(1, 4),
      kernel: size(1, 5),
      stride: size(1, 3),
      bias: fc.boolean(),
      padding: fc.option(size(0, 2), { nil: undefined }),
    })
    .map(({ filters, kernel, padding, ...options }) =>
      conv(filters, kernel, { ...options, ...(padding !== undefined && { padding }) }),
    ),
  convTranspose: fc
    .record({ filters: size(1, 4), factor: size(1, 3), more: size(0, 2) })
    .map(({ filters, factor, more }) => convTranspose(filters, factor + 2 * more, factor)),
  maxPool: size(1, 4).map(maxPool),
  averagePool: size(1, 4).map(averagePool),
  globalAveragePool: fc.constant(globalAveragePool()),
  flatten: fc.constant(flatten()),
  batchNormalization: fc.constant(batchNormalization()),
  layerNormalization: fc.constant(layerNormalization()),
  dropout: fc.constant(dropout(0.3)),
  dense: size(1, 9).map((units) => sequential({ flatten: flatten(), dense: dense(units) })),
  residual: size(1, 2).map((stride) =>
    residual(conv(3, 3, { stride }), conv(3, 1, { stride, padding: 0 })),
  ),
}

describe('the dimensions that a layer promises are those that ONNX Runtime computes', () => {
  test.each(Object.entries(imageLayers))('%s', async (_, layers) => {
    const sizes = fc.tuple(layers, size(1, 3), size(5, 9), size(5, 9))
    await fc.assert(
      fc.asyncProperty(sizes, async ([layer, ...input]) => {
        const { graph, dims } = networkOf(layer, input)
        verify(graph)
        const output = await outputOf(graph, normal([batch, ...input]))
        expect(output.dims).toEqual([batch, ...dims])
      }),
      { numRuns: 12, seed: 1 },
    )
  })

  test('grouped convolution', async () => {
    const { graph, dims } = networkOf(conv(6, 3, { groups: 3 }), [3, 5, 4])
    expect(graph.initializers.get('layer.weight')?.dims).toEqual([6, 1, 3, 3])
    expect((await outputOf(graph, normal([batch, 3, 5, 4]))).dims).toEqual([batch, ...dims])
  })
})

test.each(Object.entries(activations))('%s is its formula', async (name, { layer }) => {
  const formulas: Record<Activation, (x: number) => number> = {
    relu: (x) => Math.max(x, 0),
    selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
    elu: (x) => (x > 0 ? x : Math.expm1(x)),
    tanh: Math.tanh,
    sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  }
  const x = normal([batch, 50])
  const output = await outputOf(networkOf(layer(), [50]).graph, x)
  output.data.forEach((value, i) => {
    const expected = formulas[name as Activation](x.data[i] as number)
    expect(value).toBeCloseTo(expected, 5)
  })
})

test('a residual layer adds its input to its branch', async () => {
  const x = normal([batch, 4])
  const branch = await outputOf(networkOf(dense(4), [4]).graph, x)
  const sum = await outputOf(networkOf(residual(dense(4)), [4]).graph, x)
  sum.data.forEach((value, i) => {
    expect(value).toBeCloseTo((branch.data[i] as number) + (x.data[i] as number), 5)
  })
})

test('a transposed convolution keeps the size of values that ReLU halves (He et al., 2015)', async () => {
  const before = 64
  const { graph } = networkOf(convTranspose(before, 4, 2), [before, 8, 8])
  const { data, dims } = await outputOf(graph, normal([batch, before, 8, 8]))
  expect(dims).toEqual([batch, before, 16, 16])
  // At the edges fewer values come together.
  const square = mean(Array.from(data as Float32Array, (value) => value ** 2))
  expect(square).toBeGreaterThan(1.6)
  expect(square).toBeLessThan(2.2)
})

test('dropout and batch normalization leave fresh values as they are in evaluation', async () => {
  const x = normal([batch, 3, 4, 4])
  expect((await outputOf(networkOf(dropout(0.9), [3, 4, 4]).graph, x)).data).toEqual(x.data)
  const { data } = await outputOf(networkOf(batchNormalization({ epsilon: 0 }), [3, 4, 4]).graph, x)
  expect(data).toEqual(x.data)
})

test("a parameter's first values depend on the seed and its name alone", () => {
  const alone = networkOf(sequential({ last: dense(5) }), [7])
  const stacked = networkOf(
    sequential({
      first: dense(3),
      act: activations.relu.layer(),
      second: dense(7),
      last: dense(5),
    }),
    [9],
  )
  const weight = (graph: Graph) => graph.initializers.get('layer.last.weight')?.data
  expect(weight(alone.graph)).toBeDefined()
  expect(weight(stacked.graph)).toEqual(weight(alone.graph))
  expect(weight(networkOf(sequential({ last: dense(5) }), [7], 2).graph)).not.toEqual(
    weight(alone.graph),
  )
})

test('two layers of one name are refused', () => {
  const twice: Layer = (network, x, path) => dense(2)(network, dense(2)(network, x, path), path)
  expect(() => networkOf(twice, [2])).toThrow('two values are named "layer.weight"')
})
