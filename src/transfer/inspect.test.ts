import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { readModel } from '../graph/read.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { cnn } from '../nn/architectures.ts'
import { createRandom } from '../random.ts'
import { inspect } from './inspect.ts'

const folder = new URL('../../test/golden/gradients/', import.meta.url)
const golden = (name: string) => readModel(readFileSync(new URL(`${name}.onnx`, folder)))

test('the borders, parameters, cuts and blocks of a network that PyTorch exported', async () => {
  const found = await inspect(golden('resnet-keep'), runtime)
  const { inputs, outputs, parameters, cuts, blocks, unsupported } = found
  expect(inputs).toEqual([{ name: 'x', type: 'float32', dims: ['batch', 3, 12, 12] }])
  expect(outputs.map(({ name, type, dims }) => [name, type, dims])).toEqual([
    ['out', 'float32', ['batch', 3]],
  ])
  // By hand: a stem of 4 filters, a residual block of 4 channels, one of 6 with a projection, and 3 classes. Each filter has
  // four values of normalization.
  const [stem, normalization, head] = [3 * 9 * 4, 4 * 4, 6 * 3 + 3]
  const plain = 2 * (4 * 9 * 4 + 4 * 4)
  const strided = 4 * 9 * 6 + 6 * 9 * 6 + 4 * 6 + 3 * (4 * 6)
  expect(parameters).toBe(stem + normalization + plain + strided + head)
  expect(cuts.at(-1)).toMatchObject({ name: 'out', shape: [3], parameters })
  expect(cuts.map(({ shape }) => shape)).toEqual([
    [4, 6, 6],
    [4, 6, 6],
    [4, 6, 6],
    [4, 3, 3],
    [4, 3, 3],
    [4, 3, 3],
    [6, 2, 2],
    [6, 2, 2],
    [6, 1, 1],
    [6],
    [3],
  ])
  expect(blocks.map((block) => block.parameters)).toEqual([
    stem,
    normalization,
    plain,
    strided,
    head,
  ])
  expect(blocks.map(({ macs }) => macs)).toEqual([
    36 * 27 * 4,
    0,
    2 * 9 * 36 * 4,
    4 * (36 * 6 + 54 * 6 + 4 * 6),
    18,
  ])
  expect(unsupported).toEqual([])
  const settings = { epsilon: 1e-5, momentum: 0.9, mode: 'inference', defaultStatistics: false }
  expect(found.normalization).toEqual([
    { node: '/0/0.1/BatchNormalization', channels: 4, ...settings },
    { node: '/2/first/first.1/BatchNormalization', channels: 4, ...settings },
    { node: '/2/second/second.1/BatchNormalization', channels: 4, ...settings },
    { node: '/3/first/first.1/BatchNormalization', channels: 6, ...settings },
    { node: '/3/second/second.1/BatchNormalization', channels: 6, ...settings },
    { node: '/3/shortcut/shortcut.1/BatchNormalization', channels: 6, ...settings },
  ])
})

test('counts one example, also of a network that takes three', async () => {
  const [three, open] = [
    await inspect(golden('resnet-merged'), runtime),
    await inspect(golden('resnet-keep'), runtime),
  ]
  expect(three.inputs[0]?.dims[0]).toBe(3)
  expect(three.cuts.map(({ macs }) => macs)).toEqual(open.cuts.map(({ macs }) => macs))
})

describe('every network among the references', () => {
  const names = readdirSync(folder)
    .filter((file) =>
      /^(resnet|mobilenet|residual|inverted|autoencoder|dense-block|attention).*onnx$/.test(file),
    )
    .map((file) => file.slice(0, -'.onnx'.length))

  test('there are some', () => expect(names.length).toBeGreaterThan(20))

  test.each(names)('%s', async (name) => {
    const graph = golden(name)
    const { cuts, blocks, parameters, unsupported } = await inspect(graph, runtime)
    const produced = new Set(graph.nodes.flatMap(({ outputs }) => outputs))
    expect(unsupported).toEqual([])
    expect(cuts.at(-1)?.name).toBe(graph.outputs[0]?.name)
    expect(cuts.at(-1)?.parameters).toBe(parameters)
    cuts.forEach((cut, index) => {
      expect(produced.has(cut.name)).toBe(true)
      expect(cut.parameters).toBeGreaterThanOrEqual(cuts[index - 1]?.parameters ?? 0)
      expect(cut.macs).toBeGreaterThanOrEqual(cuts[index - 1]?.macs ?? 0)
      expect(Number.isInteger(cut.macs)).toBe(true)
    })
    const covered = blocks.reduce((sum, block) => sum + block.parameters, 0)
    expect(covered).toBe(parameters)
  })
})

test('what no gradient passes is listed, not what has none to pass', async () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['N', 4])
  const rounded = builder.op('Round', [x])
  const graph = builder.build()
  const node = {
    name: '',
    operator: 'Hardmax',
    domain: '',
    inputs: [rounded],
    outputs: ['y'],
    attributes: {},
  }
  const { unsupported } = await inspect(
    { ...graph, nodes: [...graph.nodes, node], outputs: [{ name: 'y' }] },
    runtime,
  )
  expect(unsupported).toEqual([{ node: 'y', operator: 'Hardmax' }])
})

describe('open dimensions are filled in', () => {
  const weights: Tensor = float32([3, 2], Array(6).fill(1))

  test('as images of 224 pixels with three channels, in either layout', async () => {
    for (const [dims, shape] of [
      [
        ['N', 'C', 'H', 'W'],
        [3, 112, 112],
      ],
      [
        ['N', 3, 'H', 'W'],
        [3, 112, 112],
      ],
      [
        ['N', 1, 28, 'W'],
        [1, 14, 112],
      ],
    ] as const) {
      const builder = createBuilder()
      const x = builder.input('x', 'float32', dims)
      const window = { kernel_shape: [2, 2], strides: [2, 2] }
      builder.output(builder.op('MaxPool', [x], window))
      const { cuts } = await inspect(builder.build(), runtime)
      expect(cuts.map((cut) => cut.shape)).toEqual([shape])
    }
    const builder = createBuilder()
    const x = builder.input('x', 'float32', ['N', 'H', 'W', 3])
    builder.output(builder.op('MatMul', [x, builder.parameter('weight', weights)]))
    const { cuts } = await inspect(builder.build(), runtime)
    expect(cuts[0]).toMatchObject({ shape: [224, 224, 2], macs: 224 * 224 * 6, parameters: 6 })
  })

  test('as sequences of 16', async () => {
    const builder = createBuilder()
    const ids = builder.input('ids', 'int64', ['N', 'T'])
    builder.output(builder.op('Gather', [builder.parameter('weight', weights), ids]))
    const { cuts } = await inspect(builder.build(), runtime)
    expect(cuts[0]?.shape).toEqual([16, 2])
  })
})

test('outputs have the type that runs, where the file does not say it', async () => {
  const graph = cnn([1, 8, 8], { classes: 4 }, createRandom(1))
  const silent = { ...graph, outputs: [{ name: 'logits' }] }
  const { outputs } = await inspect(silent, runtime)
  expect(outputs).toEqual([{ name: 'logits', type: 'float32', dims: [1, 4] }])
})
