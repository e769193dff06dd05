import { expect, test } from 'vitest'
import { checkGradient } from '../../testing/check-gradient.ts'
import { run, vjp } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, int64, type Tensor } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'

const random = createRandom('vjp')
const normal = (...dims: number[]) =>
  float32(
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
  )

/** y = tanh(x w) and z = 3 x, with a parameter that nothing uses. */
function network(): Graph {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['n', 2])
  const w = builder.parameter('w', normal(2, 3))
  builder.parameter('unused', normal(4))
  builder.output(builder.alias('y', builder.op('Tanh', [builder.op('MatMul', [x, w])])))
  builder.output(builder.alias('z', builder.op('Mul', [x, builder.scalar(3)])))
  builder.output(builder.alias('largest', builder.op('ArgMax', [x], { axis: 1 })))
  return builder.build()
}

const graph = network()
const x = normal(4, 2)
const ones = (...dims: number[]) => float32(dims, Array(dims.reduce((a, b) => a * b)).fill(1))

test('gradients of several outputs add up', async () => {
  const cotangents = { y: normal(4, 3), z: normal(4, 2) }
  const [both, ofY, ofZ] = await Promise.all([
    vjp(graph, { x }, cotangents, ['x']),
    vjp(graph, { x }, { y: cotangents.y }, ['x']),
    vjp(graph, { x }, { z: cotangents.z }, ['x']),
  ])
  const sum = Array.from(ofY.x?.data as Float32Array, (value, i) => value + Number(ofZ.x?.data[i]))
  expect(
    Math.max(...sum.map((value, i) => Math.abs(value - Number(both.x?.data[i])))),
  ).toBeLessThan(1e-6)
  expect(Array.from(ofZ.x?.data as Float32Array)).toEqual(
    Array.from(cotangents.z.data as Float32Array, (value) => Math.fround(3 * value)),
  )
})

test('what no output depends on has a gradient of zeros', async () => {
  const gradients = await vjp(graph, { x }, { z: ones(4, 2) }, ['w', 'unused', 'x'])
  expect(gradients.w).toEqual(float32([2, 3], [0, 0, 0, 0, 0, 0]))
  expect(gradients.unused).toEqual(float32([4], [0, 0, 0, 0]))
  expect(Object.keys(gradients)).toEqual(['w', 'unused', 'x'])
})

test('a graph whose dimensions depend on the values of an input has gradients', async () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2, 3])
  const shape = builder.input('shape', 'int64', [2])
  const rows = builder.op('Softmax', [builder.op('Reshape', [x, shape])], { axis: 1 })
  builder.output(builder.op('ReduceSumSquare', [rows, builder.int64s([1])], { keepdims: 0 }))
  await checkGradient(builder.build(), { x: normal(2, 3), shape: int64([2], [3, 2]) }, random)
})

test('no cotangents give zeros, no names give nothing', async () => {
  expect((await vjp(graph, { x }, {}, ['x'])).x?.data).toEqual(new Float32Array(8))
  expect(await vjp(graph, { x }, { z: ones(4, 2) }, [])).toEqual({})
})

test('an input that is also an output has its cotangent as its gradient', async () => {
  const builder = createBuilder()
  builder.output(builder.input('x', 'float32', [2]))
  const cotangent = normal(2)
  const { x: gradient } = await vjp(builder.build(), { x: normal(2) }, { x: cotangent }, ['x'])
  expect(gradient).toEqual(cotangent)
})

test('one value may be the gradient of several', async () => {
  const builder = createBuilder()
  const [a, b] = [builder.input('a', 'float32', [2]), builder.input('b', 'float32', [2])]
  builder.output(builder.alias('sum', builder.op('Add', [a, b])))
  const cotangent = normal(2)
  const inputs = { a: normal(2), b: normal(2) }
  expect(await vjp(builder.build(), inputs, { sum: cotangent }, ['a', 'b'])).toEqual({
    a: cotangent,
    b: cotangent,
  })
})

test('a value that is used over and over collects all of its gradients', async () => {
  const builder = createBuilder()
  const input = builder.input('x', 'float32', [3])
  const square = builder.op('Mul', [input, input])
  const cube = builder.op('Mul', [square, input])
  builder.output(builder.op('Sum', [input, square, cube, builder.op('Mul', [cube, square])]))
  await checkGradient(builder.build(), { x: normal(3) }, createRandom(1))
})

test('the gradient of an intermediate value is that of what follows', async () => {
  const builder = createBuilder()
  const input = builder.input('x', 'float32', [2])
  const hidden = builder.op('Exp', [input])
  builder.output(builder.alias('y', builder.op('Mul', [hidden, builder.scalar(2)])))
  const gradients = await vjp(builder.build(), { x: normal(2) }, { y: ones(2) }, [hidden])
  expect(gradients[hidden]?.data).toEqual(Float32Array.of(2, 2))
})

test('vjp leaves its arguments as they were', async () => {
  const before = structuredClone({ x, w: graph.initializers.get('w') })
  await vjp(graph, { x }, { y: ones(4, 3) }, ['x', 'w'])
  expect({ x, w: graph.initializers.get('w') }).toEqual(before)
})

test.each<[string, Record<string, Tensor>, Record<string, Tensor>, string[], string]>([
  ['an unknown output', { x }, { nothing: ones(1) }, ['x'], 'the graph has no output "nothing"'],
  [
    'an intermediate value as an output',
    { x },
    { Tanh: ones(4, 3) },
    ['x'],
    'the graph has no output "Tanh"',
  ],
  [
    'an unknown parameter',
    { x },
    { z: ones(4, 2) },
    ['v'],
    'the graph has no input or parameter "v"',
  ],
  ['a missing input', {}, { z: ones(4, 2) }, ['x'], 'the graph needs the input "x"'],
  [
    'an input of the wrong size',
    { x: ones(4, 3) },
    { z: ones(4, 2) },
    ['x'],
    'the input "x" is float32 [n, 2], not float32 [4, 3]',
  ],
  [
    'a cotangent of the wrong size',
    { x },
    { z: ones(4, 3) },
    ['x'],
    'the cotangent of "z" must be float32 [4, 2], not float32 [4, 3]',
  ],
])('%s is a bad input', async (_, inputs, cotangents, wrt, message) => {
  await expect(vjp(graph, inputs, cotangents, wrt)).rejects.toMatchObject({
    code: 'bad-input',
    message,
  })
})

test('run wants every input too', async () => {
  await expect(run(graph, {})).rejects.toMatchObject({
    code: 'bad-input',
    message: 'the graph needs the input "x"',
  })
})

const unknown: Graph = {
  ...graph,
  outputs: [{ name: 'y' }],
  nodes: [
    {
      name: 'odd one',
      operator: 'Hardmax',
      domain: '',
      inputs: ['x'],
      outputs: ['h'],
      attributes: {},
    },
    {
      name: 'sum',
      operator: 'Add',
      domain: '',
      inputs: ['h', 'v'],
      outputs: ['y'],
      attributes: {},
    },
  ],
  initializers: new Map([['v', normal(4, 2)]]),
}

test('batch normalization in training mode is right where its scale and its variance are equal', async () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['n', 2])
  const values = [1, 0, 0, 1].map((value, i) =>
    builder.parameter(`p${i}`, float32([2], [value, value])),
  )
  const norm = builder.ops('BatchNormalization', [x, ...values], { training_mode: 1 }, 3)
  builder.output(builder.alias('y', norm[0] as string))
  const { y } = await run(builder.build(), { x: float32([2, 2], [-3, 1, 3, 5]) })
  // Each column is two values at the same distance from their mean, and that distance is the deviation.
  const errors = [-1, -1, 1, 1].map((value, i) => value - Number(y?.data[i]))
  expect(Math.max(...errors.map(Math.abs))).toBeLessThan(1e-5)
})

test('an operator without a rule is named, with what to do', async () => {
  await expect(vjp(unknown, { x }, { y: ones(4, 2) }, ['x'])).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringMatching(/^Hardmax node "odd one" has no gradient rule/),
  })
})

test('an operator without a rule does not matter where no gradient passes it', async () => {
  const { v } = await vjp(unknown, { x }, { y: ones(4, 2) }, ['v'])
  expect(v).toEqual(ones(4, 2))
})

test('a gradient in double precision is one', async () => {
  const builder = createBuilder()
  const double = (values: number[]): Tensor => ({
    type: 'float64',
    dims: [2, 2],
    data: Float64Array.from(values),
  })
  const input = builder.input('x', 'float64', [2, 2])
  const w = builder.parameter('w', double([0.3, -1, 0.7, 2]))
  const hidden = builder.op('Gemm', [input, w])
  builder.output(builder.op('LogSoftmax', [builder.op('Relu', [hidden])], { axis: 1 }))
  await checkGradient(builder.build(), { x: double([1, 2, -0.5, 0.8]) }, createRandom(4))
})
