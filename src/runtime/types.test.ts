import { expect, test } from 'vitest'
import { run, runtime } from '../../testing/runtime.ts'
import { createBuilder, type GraphBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, int64, type TensorType, zeros } from '../graph/tensor.ts'
import type { Runtime } from './session.ts'
import { inferTypes } from './types.ts'

const float = (...dims: number[]): TensorType => ({ type: 'float32', dims })

function graphOf(write: (builder: GraphBuilder) => string): Graph {
  const builder = createBuilder()
  builder.output(write(builder))
  return builder.build()
}

const infer = (graph: Graph, inputs: Record<string, TensorType>) =>
  inferTypes(graph, inputs, runtime)

test('every value has a type: inputs, parameters and intermediate values', async () => {
  const graph = graphOf((b) => {
    const x = b.input('x', 'float32', ['batch', 3])
    const w = b.parameter('w', zeros('float32', [3, 200]))
    return b.op('ArgMax', [b.op('MatMul', [x, w])], { axis: 1, keepdims: 0 })
  })
  const { types } = await infer(graph, { x: float(5, 3) })
  expect(Object.fromEntries(types)).toEqual({
    x: float(5, 3),
    w: float(3, 200),
    MatMul: float(5, 200),
    ArgMax: { type: 'int64', dims: [5] },
  })
})

/** x as one row for each image, by way of its own shape, as exporters write `x.view(x.size(0), -1)`. */
const flattened = graphOf((b) => {
  const x = b.input('x', 'float32', ['batch', 2, 'height', 4])
  const batch = b.op('Gather', [b.op('Shape', [x]), b.int64s([0])])
  const shape = b.op('Concat', [batch, b.int64s([-1])], { axis: 0 })
  return b.op('Relu', [b.op('Reshape', [x, shape])])
})

test('what only computes shapes becomes constants, at every input size', async () => {
  for (const [batch, height] of [
    [1, 3],
    [7, 5],
  ] as const) {
    const { graph, types } = await infer(flattened, { x: float(batch, 2, height, 4) })
    expect(types.get('Relu')).toEqual(float(batch, 8 * height))
    const left = graph.nodes.map(({ operator }) => operator).filter((name) => name !== 'Constant')
    expect(left).toEqual(['Reshape', 'Relu'])
    const shape = graph.nodes.find(({ outputs }) => outputs[0] === 'Concat')
    expect(shape?.attributes.value?.value).toEqual(int64([2], [batch, -1]))
  }
})

test('parameters are not folded away, integers are', async () => {
  const graph = graphOf((b) => {
    const w = b.parameter('w', float32([2], [1, 2]))
    const axes = b.op('Neg', [b.parameter('axes', int64([1], [1]))])
    const doubled = b.op('Add', [w, w])
    return b.op('ReduceSum', [b.op('Add', [b.input('x', 'float32', [3, 2]), doubled]), axes])
  })
  const { graph: folded } = await infer(graph, { x: float(3, 2) })
  const left = folded.nodes.map(({ operator }) => operator)
  expect(left).toEqual(['Constant', 'Add', 'Add', 'ReduceSum'])
})

test('random values are not folded', async () => {
  const graph: Graph = {
    ...flattened,
    inputs: [],
    outputs: [{ name: 'noise' }],
    nodes: [
      {
        name: 'noise',
        operator: 'RandomNormal',
        domain: '',
        inputs: [],
        outputs: ['noise'],
        attributes: { shape: { type: 'ints', value: [3] } },
      },
    ],
  }
  const { graph: folded, types } = await infer(graph, {})
  expect(folded.nodes.map(({ operator }) => operator)).toEqual(['RandomNormal'])
  expect(types.get('noise')).toEqual(float(3))
})

test.each([
  ['a window that starts in the padding', { kernel_shape: [2], strides: [2], pads: [1, 1] }, 5],
  ['a window that starts after the last gap', { kernel_shape: [2], strides: [3] }, 6],
  ['a window that is only cut off', { kernel_shape: [3], strides: [2] }, 6],
])('the windows of a pool with ceil_mode are counted as they run: %s', async (_, window, size) => {
  const graph = graphOf((b) => {
    const x = b.input('x', 'float32', [1, 1, size])
    return b.op('Tanh', [b.op('MaxPool', [x], { ...window, ceil_mode: 1 })])
  })
  const { graph: exact, types } = await infer(graph, { x: float(1, 1, size) })
  const session = await runtime.createSession(exact)
  const [result] = Object.values(await session.run({ x: zeros('float32', [1, 1, size]) }))
  expect(result?.dims).toEqual(types.get('Tanh')?.dims)
  expect(session.outputs[0]?.dims).toEqual(result?.dims)
  await session.release()
})

test('dimensions that depend on data are measured on zeros', async () => {
  const graph = graphOf((b) => {
    const x = b.input('x', 'float32', [4])
    const found = b.op('NonZero', [b.op('Equal', [x, b.scalar(0)])])
    return b.op('Transpose', [found])
  })
  const { types } = await infer(graph, { x: float(4) })
  expect(types.get('Transpose')).toEqual({ type: 'int64', dims: [4, 1] })
})

const reduced = graphOf((b) => {
  const x = b.input('x', 'float32', [2, 3])
  const sum = b.op('ReduceSum', [x, b.input('axes', 'int64', [1])], { keepdims: 0 })
  return b.op('Mul', [sum, b.op('ReduceSum', [x], { keepdims: 0 })])
})

test('dimensions that depend on an input are those for its values, where these are given', async () => {
  const inputs = { x: float(2, 3), axes: int64([1], [1]) }
  const { types } = await infer(reduced, inputs)
  expect(types.get('Mul')).toEqual({ type: 'float32', dims: [2] })
  const zero = await infer(reduced, { x: float(2, 3), axes: { type: 'int64', dims: [1] } })
  expect(zero.types.get('Mul')).toEqual({ type: 'float32', dims: [3] })
})

test('a value of unknown rank is not taken for a scalar', async () => {
  const graph = graphOf((b) => {
    const x = b.input('x', 'float32', [2, 3])
    return b.op('Shape', [b.op('ReduceSum', [x, b.input('axes', 'int64', [1])])])
  })
  const inputs = { x: zeros('float32', [2, 3]), axes: int64([1], [1]) }
  const typed = await infer(graph, inputs)
  expect(typed.types.get('ReduceSum')?.dims).toEqual([2, 1])
  const values = await run(typed.graph, inputs)
  expect(values.Shape).toEqual(int64([2], [2, 1]))
})

test('sequences have no type; the tensors taken out of them do', async () => {
  const node = (operator: string, inputs: string[], output: string) => ({
    name: output,
    operator,
    domain: '',
    inputs,
    outputs: [output],
    attributes: {},
  })
  const graph = graphOf((b) => {
    const parts = b.fresh('parts')
    b.append(node('SequenceConstruct', [b.input('x', 'float32', [2, 3]), b.scalar(1)], parts))
    b.append(node('SequenceAt', [parts, b.scalar(0, 'int64')], b.fresh('first')))
    return b.op('Neg', ['first'])
  })
  const { types } = await infer(graph, { x: float(2, 3) })
  expect(types.has('parts')).toBe(false)
  expect(types.get('Neg')).toEqual({ type: 'float32', dims: [2, 3] })
})

test('the values of large weights are not sent to ONNX Runtime to infer types', async () => {
  const sizes: number[] = []
  const watched: Runtime = {
    ...runtime,
    createSession(graph, options) {
      const held = [...graph.initializers.values()].map(({ data }) => data.length)
      sizes.push(Math.max(0, ...held))
      return runtime.createSession(graph, options)
    },
  }
  const graph = graphOf((b) => {
    const x = b.input('x', 'float32', [1, 300])
    return b.op('MatMul', [x, b.parameter('w', zeros('float32', [300, 300]))])
  })
  await inferTypes(graph, { x: float(1, 300) }, watched)
  expect(sizes).toEqual([0])
})

test.each([
  ['is missing', {}, 'the graph needs the input "x"'],
  [
    'has another type',
    { x: { type: 'int64', dims: [5, 2, 3, 4] } },
    'the input "x" is float32 [batch, 2, height, 4], not int64 [5, 2, 3, 4]',
  ],
  [
    'has another size',
    { x: float(5, 3, 3, 4) },
    'the input "x" is float32 [batch, 2, height, 4], not float32 [5, 3, 3, 4]',
  ],
  [
    'has another rank',
    { x: float(5, 2) },
    'the input "x" is float32 [batch, 2, height, 4], not float32 [5, 2]',
  ],
] as [string, Record<string, TensorType>, string][])(
  'an input that %s is named',
  async (_, inputs, message) => {
    await expect(infer(flattened, inputs)).rejects.toMatchObject({ code: 'bad-input', message })
  },
)

test('a graph that ONNX Runtime refuses is a bad model', async () => {
  const graph = graphOf((b) => {
    const x = b.input('x', 'float32', [2, 3])
    return b.op('MatMul', [x, x])
  })
  await expect(infer(graph, { x: float(2, 3) })).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringMatching(
      /^this graph cannot be compiled: [^\n]*Incompatible dimensions[^\n]*$/,
    ),
  })
})
