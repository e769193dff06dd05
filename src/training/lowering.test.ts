import { describe, expect, it } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import type { AttributesOf } from '../graph/operators.ts'
import { float32, int64, sizeOf } from '../graph/tensor.ts'
import { inputName, outputName } from '../nn/architectures.ts'
import { heNormal } from '../nn/initializers.ts'
import {
  activations,
  averagePool,
  batchNormalization,
  conv,
  dense,
  globalAveragePool,
  type Layer,
  maxPool,
  residual,
  sequential,
} from '../nn/layers.ts'
import { crossEntropy, targetsInput, weightsInput } from '../nn/losses.ts'
import { sgd } from '../nn/optimizers.ts'
import { createRandom } from '../random.ts'
import { blockSize, type LoweringName } from '../runtime/lowering.ts'
import { trainableParameters } from './loop.ts'
import { compileStep } from './step.ts'
import { type StepOptions, writeStep } from './write-step.ts'

const usualBatch = 4

/** One for both sides, or height and width. */
type Size = number | readonly [number, number]

const sidesOf = (size: Size) => (typeof size === 'number' ? [size, size] : size)

type Case = { channels: number; size: number; kernel: number; stride: number; padding: number }

/** Pointwise, depthwise and ordinary convolutions, with a residue of every kind that strides leave. */
function network({ channels, size, kernel, stride, padding }: Case): Graph {
  const random = createRandom('lowering')
  const builder = createBuilder()
  const dims = [3, size, size]
  const x = { name: builder.input(inputName, 'float32', ['N', ...dims]), dims }
  const { name } = sequential({
    pointwise: conv(channels, 1),
    depthwise: conv(channels, kernel, { stride, padding, groups: channels }),
    dense: conv(2 * channels, 3),
    narrow: conv(channels, 3),
    norm: batchNormalization(),
    again: conv(channels, 3, { groups: channels, bias: false }),
    pool: globalAveragePool(),
    head: dense(3),
  })({ builder, random }, x, '')
  builder.output(builder.alias(outputName, name))
  return builder.build()
}

/** Images and labels for a step of any of these networks. */
function settings(
  graph: Graph,
  size: Size,
  lowering: LoweringName,
  batch = usualBatch,
): StepOptions {
  return {
    graph,
    batchStatistics: true,
    lowering,
    loss: crossEntropy(),
    inputs: { [inputName]: { type: 'float32', dims: [batch, 3, ...sidesOf(size)] } },
    trainable: trainableParameters(graph),
    optimizer: sgd(),
  }
}

/** How far one step moves each parameter. */
async function changes(graph: Graph, size: Size, lowering: LoweringName, batch: number) {
  const random = createRandom('input')
  const step = await compileStep(settings(graph, size, lowering, batch), runtime)
  const dims = [batch, 3, ...sidesOf(size)]
  await step.run(
    {
      [inputName]: float32(dims, Float32Array.from({ length: sizeOf(dims) }, random.normal)),
      [targetsInput]: int64(
        [batch],
        Array.from({ length: batch }, (_, i) => i % 3),
      ),
      [weightsInput]: float32([batch], new Float32Array(batch).fill(1)),
    },
    { learningRate: 1, random },
  )
  const moved = [...step.parameters()].map(([name, { data }]): [string, number[]] => {
    const start = graph.initializers.get(name)?.data as Float32Array
    return [name, Array.from(data as Float32Array, (value, i) => value - (start[i] as number))]
  })
  await step.release()
  return new Map(moved)
}

async function expectSameChanges(graph: Graph, size: Size, batch = usualBatch) {
  const standard = await changes(graph, size, 'standard', batch)
  const blocked = await changes(graph, size, 'blocked', batch)
  for (const [name, wanted] of standard) {
    const got = blocked.get(name) as number[]
    const norm = Math.hypot(...wanted)
    expect(norm, name).toBeGreaterThan(0)
    const apart = Math.hypot(...wanted.map((value, i) => value - (got[i] as number)))
    // A bias before a batch normalization has no gradient but rounding.
    expect(apart, name).toBeLessThan(1e-4 * norm + 1e-6)
  }
}

/** Convolutions with something in between, and again at the end. */
function chain(between: Layer, channels = 16, side = 12): Graph {
  const random = createRandom('chain')
  const builder = createBuilder()
  const dims = [3, side, side]
  const x = { name: builder.input(inputName, 'float32', ['N', ...dims]), dims }
  const { name } = sequential({
    first: conv(channels, 3),
    between,
    second: conv(channels, 3),
    relu: activations.relu.layer(),
    pool: globalAveragePool(),
    head: dense(3),
  })({ builder, random }, x, '')
  builder.output(builder.alias(outputName, name))
  return builder.build()
}

function unary(
  operator: 'Sigmoid' | 'Tanh' | 'HardSwish' | 'Exp' | 'Softplus' | 'LeakyRelu',
): Layer {
  return ({ builder }, x) => ({ ...x, name: builder.op(operator, [x.name]) })
}

/** What is done to values in blocks. */
const betweens: Readonly<Record<string, Layer>> = {
  Relu: activations.relu.layer(),
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  HardSwish: unary('HardSwish'),
  LeakyRelu: unary('LeakyRelu'),
  Softplus: unary('Softplus'),
  Exp: unary('Exp'),
  Clip: ({ builder }, x) => ({
    ...x,
    name: builder.op('Clip', [x.name, builder.scalar(-0.5), builder.scalar(0.5)]),
  }),
  'a product with itself': ({ builder }, x) => ({
    ...x,
    name: builder.op('Mul', [x.name, x.name]),
  }),
  'division by a value that is not zero': ({ builder }, x) => {
    const square = builder.op('Mul', [x.name, x.name])
    const root = builder.op('Sqrt', [builder.op('Add', [square, builder.scalar(1)])])
    return { ...x, name: builder.op('Div', [x.name, root]) }
  },
  'a scalar and a channel': ({ builder }, x) => {
    const shift = builder.constant(
      float32([1, x.dims[0] as number, 1, 1], x.dims[0] === 20 ? twenty : sixteen),
    )
    const scaled = builder.op('Mul', [x.name, builder.scalar(1.5)])
    return { ...x, name: builder.op('Add', [scaled, shift]) }
  },
  'whole numbers in between': ({ builder }, x) => {
    const whole = builder.op('Cast', [builder.op('Mul', [x.name, builder.scalar(4)])], { to: 7 })
    const sum = builder.op('Add', [x.name, builder.op('Cast', [whole], { to: 1 })])
    return { ...x, name: sum }
  },
  'a residual': residual(activations.relu.layer()),
  'a residual of a convolution': residual(conv(20, 3), conv(20, 1)),
  'max pooling that tiles': maxPool(2),
  'max pooling that leaves rows over': maxPool(5),
  'max pooling of a Relu': sequential({ relu: activations.relu.layer(), pool: maxPool(2) }),
  'max pooling that overlaps': pool(6, {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
  }),
  'max pooling that overlaps and leaves a row over': pool(5, {
    kernel_shape: [3, 3],
    strides: [2, 2],
  }),
  'max pooling of every pixel': pool(12, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
  'max pooling with gaps': pool(4, { kernel_shape: [2, 2], strides: [3, 3] }),
  'max pooling that ends beyond the map': pool(6, {
    kernel_shape: [3, 3],
    strides: [2, 2],
    ceil_mode: 1,
  }),
  'max pooling, dilated': pool(12, { kernel_shape: [3, 3], dilations: [2, 2], pads: [2, 2, 2, 2] }),
  'max pooling of large windows': pool(12, { kernel_shape: [5, 5], pads: [2, 2, 2, 2] }),
  'average pooling': averagePool(2),
  'batch normalization': batchNormalization(),
  'channels beside others': ({ builder }, x) => {
    const halves = [builder.op('Relu', [x.name]), builder.op('Tanh', [x.name])]
    return {
      dims: [2 * (x.dims[0] as number), ...x.dims.slice(1)],
      name: builder.op('Concat', halves, { axis: 1 }),
    }
  },
  'channels in parts': (network, x, path) => {
    const { name, dims } = conv(48, 3)(network, x, path)
    const sizes = network.builder.int64s([16, 32])
    const [one, two] = network.builder.ops('Split', [name, sizes], { axis: 1 }, 2) as [
      string,
      string,
    ]
    const parts = [network.builder.op('Relu', [two]), one]
    return { dims, name: network.builder.op('Concat', parts, { axis: 1 }) }
  },
  'squeeze and excitation': ({ builder }, x) => {
    const squeezed = builder.op('GlobalAveragePool', [x.name])
    return { ...x, name: builder.op('Mul', [x.name, builder.op('Sigmoid', [squeezed])]) }
  },
}

/** Max pooling to maps of a size. */
function pool(side: number, attributes: AttributesOf<'MaxPool'>): Layer {
  return ({ builder }, x) => ({
    dims: [x.dims[0] as number, side, side],
    name: builder.op('MaxPool', [x.name], attributes),
  })
}

const sixteen = Array.from({ length: 16 }, (_, i) => i / 8 - 1)
const twenty = Array.from({ length: 20 }, (_, i) => i / 10 - 1)

describe('values stay in blocks between convolutions', async () => {
  const block = await blockSize(runtime)

  it.skipIf(block === 0).each(Object.keys(betweens))('%s', async (name) => {
    const between = betweens[name] as Layer
    await expectSameChanges(chain(between), 12)
    // Channels that do not fill their last block.
    await expectSameChanges(chain(between, 20), 12)
  })

  it.skipIf(block === 0)('max pooling of large maps goes piece by piece', async () => {
    const [side, pooled] = [96, 48]
    const layer = pool(pooled, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })
    const options = (lowering: LoweringName) => settings(chain(layer, 32, side), side, lowering, 5)
    const { graph } = await writeStep(options('blocked'), runtime)
    const pieces = graph.nodes.filter(({ operator }) => operator === 'Concat')
    expect(Math.max(...pieces.map(({ inputs }) => inputs.length))).toBe(5)
    await expectSameChanges(chain(layer, 32, side), side, 5)
  })

  it.skipIf(block === 0)('and are reordered only where rows or planes are needed', async () => {
    const { graph } = await writeStep(
      settings(chain(betweens['max pooling of a Relu'] as Layer), 12, 'blocked'),
      runtime,
    )
    const count = (operator: string) =>
      graph.nodes.filter((node) => node.operator === operator).length
    // In: the cotangent of the pooled map at the end, the first kernel once, and the second one twice for each direction. Out: that map, the gradient of the first
    // kernel once, and that of the second one twice.
    expect([count('ReorderInput'), count('ReorderOutput')]).toEqual([6, 4])
    const convolutions = graph.nodes.filter(({ operator }) => operator === 'Conv')
    expect(convolutions.every(({ domain }) => domain === 'com.microsoft.nchwc')).toBe(true)
    expect(convolutions.filter(({ attributes }) => attributes.activation)).toHaveLength(1)
  })
})

describe('the blocked lowering computes what the standard one does', async () => {
  const block = await blockSize(runtime)
  const cases: Case[] = [
    { channels: 16, size: 8, kernel: 3, stride: 1, padding: 1 },
    { channels: 16, size: 8, kernel: 3, stride: 2, padding: 1 },
    { channels: 12, size: 8, kernel: 3, stride: 2, padding: 1 },
    { channels: 32, size: 9, kernel: 3, stride: 2, padding: 1 },
    { channels: 20, size: 12, kernel: 5, stride: 2, padding: 2 },
    { channels: 16, size: 12, kernel: 5, stride: 3, padding: 2 },
    { channels: 16, size: 10, kernel: 3, stride: 1, padding: 0 },
    { channels: 6, size: 8, kernel: 3, stride: 2, padding: 1 },
    { channels: 16, size: 8, kernel: 2, stride: 2, padding: 0 },
  ]
  it.skipIf(block === 0).each(cases)('%j', async (given) => {
    await expectSameChanges(network(given), given.size)
  })
})

describe('convolutions in groups', async () => {
  const block = await blockSize(runtime)
  const cases = [
    { channels: 48, groups: 12, kernel: 3 },
    { channels: 48, groups: 6, kernel: 3, stride: 2 },
    // The last block is filled up with channels, and with half a group.
    { channels: 40, groups: 5, kernel: 3, batch: 16 },
    { channels: 24, groups: 6, kernel: 5, stride: 2, batch: 3 },
    { channels: 64, groups: 4, kernel: 3, batch: 8 },
    // Images of all blocks that do not fill blocks themselves.
    { channels: 80, groups: 10, kernel: 3, batch: 5 },
    { channels: 64, groups: 2, kernel: 3, stride: 2 },
    { channels: 32, groups: 8, kernel: 1 },
    // These stay in planes.
    { channels: 40, groups: 4, kernel: 3 },
    { channels: 32, filters: 64, groups: 8, kernel: 3 },
  ]
  it.skipIf(block === 0).each(cases)('%j', async ({ channels, filters, batch, ...given }) => {
    const random = createRandom('groups')
    const { kernel, groups, stride = 1 } = given
    // Maps with results of 13 x 12 or 7 x 6, and of 5 x 5 pixels, where patches are faster.
    for (const dims of [
      [3, 13, 12],
      [3, 5, 5],
    ]) {
      const builder = createBuilder()
      const x = { name: builder.input(inputName, 'float32', ['N', ...dims]), dims }
      const { name } = sequential({
        before: conv(channels, 1),
        grouped: conv(filters ?? channels, kernel, { groups, stride }),
        pool: globalAveragePool(),
        head: dense(3),
      })({ builder, random }, x, '')
      builder.output(builder.alias(outputName, name))
      await expectSameChanges(builder.build(), dims.slice(1) as [number, number], batch)
    }
  })
})

/** A convolution of any kernel, without bias. */
function kernel(filters: number, size: [number, number], strides: [number, number]): Layer {
  return (network, x) => {
    const [channels, ...spatial] = x.dims as [number, number, number]
    const pads = size.map((length) => Math.floor(length / 2))
    const dims = [filters, channels, ...size]
    const values = heNormal(dims, network.random)
    const weight = network.builder.parameter('oblong', float32(dims, values))
    const name = network.builder.op('Conv', [x.name, weight], {
      kernel_shape: size,
      strides,
      pads: [...pads, ...pads],
    })
    const after = spatial.map((length, axis) =>
      Math.ceil(
        (length + 2 * (pads[axis] as number) - (size[axis] as number) + 1) /
          (strides[axis] as number),
      ),
    )
    return { name, dims: [filters, ...after] }
  }
}

describe('the gradient of a kernel whose kernel is the cotangent in blocks', async () => {
  const block = await blockSize(runtime)
  // Fewer images than a block, just as many, and more; filled up to the next block; too few for that.
  const batches = [3, 8, 15, 16, 28, 32, 20]
  const layers: Readonly<Record<string, Layer>> = {
    'of one pixel': conv(24, 1),
    'of one pixel on a map that is large': sequential({ first: conv(40, 1), second: conv(48, 1) }),
    'of one pixel with strides': conv(24, 1, { stride: 2 }),
    'of three by three': conv(24, 3),
    'with strides': conv(16, 3, { stride: 2 }),
    'of five by five without padding': conv(8, 5, { padding: 0 }),
    'of one row': kernel(12, [1, 3], [1, 1]),
    'of one column': kernel(12, [3, 1], [1, 2]),
  }
  it.skipIf(block === 0).each(Object.keys(layers))('%s', async (name) => {
    for (const [index, batch] of batches.entries()) {
      const builder = createBuilder()
      const random = createRandom('planes')
      const channels = [1, 3, 20, 16][index % 4] as number
      const dims = [3, 13, 12]
      const x = { name: builder.input(inputName, 'float32', ['N', ...dims]), dims }
      const { name: logits } = sequential({
        before: conv(channels, 1),
        layer: layers[name] as Layer,
        pool: globalAveragePool(),
        head: dense(3),
      })({ builder, random }, x, '')
      builder.output(builder.alias(outputName, logits))
      await expectSameChanges(builder.build(), [13, 12], batch)
    }
  })
})
