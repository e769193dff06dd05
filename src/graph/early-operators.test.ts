import { expect, test } from 'vitest'
import { run } from '../../testing/runtime.ts'
import type { Attributes } from './graph.ts'
import { readModel } from './read.ts'
import { float32, type Tensor } from './tensor.ts'
import { writeModel } from './write.ts'

const int = (value: number) => ({ type: 'int', value }) as const
const ints = (...value: number[]) => ({ type: 'ints', value }) as const
const vector = (...values: number[]) => float32([values.length], values)

type Old = {
  readonly opset: number
  readonly operator: string
  readonly inputs: readonly Tensor[]
  readonly attributes: Attributes
}

function old(
  opset: number,
  operator: string,
  inputs: readonly Tensor[],
  attributes: Attributes = {},
): Old {
  return { opset, operator, inputs, attributes }
}

/** A model file with one node in the form of an early operator set. */
function fileOf({ opset, operator, inputs, attributes }: Old): Uint8Array {
  const names = inputs.map((_, i) => `x${i}`)
  return writeModel({
    name: 'old',
    opsets: { '': opset },
    inputs: inputs.map(({ type, dims }, i) => ({ name: `x${i}`, type, dims })),
    outputs: [{ name: 'y' }],
    nodes: [{ name: 'old', operator, domain: '', inputs: names, outputs: ['y'], attributes }],
    initializers: new Map(),
    metadata: {},
  })
}

const square = float32([2, 2], [1, -2, 3, 4])

// The expected values are worked out by hand: ONNX Runtime runs most of these forms no more.
test.each<[string, Old, Tensor]>([
  [
    'Relu, which may overwrite its input',
    old(1, 'Relu', [square], { consumed_inputs: ints(0) }),
    float32([2, 2], [1, 0, 3, 4]),
  ],
  [
    'Pad with paddings',
    old(1, 'Pad', [square], { paddings: ints(0, 1, 0, 0) }),
    float32([2, 3], [0, 1, -2, 0, 3, 4]),
  ],
  [
    'Concat along the second axis, its default',
    old(3, 'Concat', [square, square]),
    float32([2, 4], [1, -2, 1, -2, 3, 4, 3, 4]),
  ],
  [
    'Reshape to an attribute',
    old(4, 'Reshape', [square], { shape: ints(-1), consumed_inputs: ints(0) }),
    vector(1, -2, 3, 4),
  ],
  [
    'Selu with the rounded constants of then',
    old(5, 'Selu', [vector(1, 0, -1)]),
    vector(1.0507, 0, 1.0507 * 1.6732 * (Math.exp(-1) - 1)),
  ],
  [
    'Add of equal dimensions',
    old(6, 'Add', [square, square], { axis: int(0) }),
    float32([2, 2], [2, -4, 6, 8]),
  ],
  [
    'Sub along the last axis',
    old(6, 'Sub', [square, vector(1, 2)], { broadcast: int(1) }),
    float32([2, 2], [0, -4, 2, 2]),
  ],
  [
    'Gemm with a bias for all rows',
    old(6, 'Gemm', [square, square, vector(1, 2)], { broadcast: int(1) }),
    float32([2, 2], [1 - 6 + 1, -2 - 8 + 2, 3 + 12 + 1, -6 + 16 + 2]),
  ],
  [
    'BatchNormalization of a network in use',
    old(6, 'BatchNormalization', [square, ...[1, 2, 3, 4].map((v) => vector(v, v))], {
      is_test: int(1),
      epsilon: { type: 'float', value: 0 },
    }),
    float32(
      [2, 2],
      [1, -2, 3, 4].map((x) => (x - 3) / 2 + 2),
    ),
  ],
  ['Dropout of a network in use', old(6, 'Dropout', [square], { is_test: int(1) }), square],
  [
    'AveragePool',
    old(1, 'AveragePool', [float32([1, 1, 2, 2], [1, -2, 3, 4])], { kernel_shape: ints(2, 2) }),
    float32([1, 1, 1, 1], [1.5]),
  ],
])('an early form computes what it did: %s', async (_, form, expected) => {
  const upgraded = readModel(fileOf(form))
  expect(upgraded.opsets['']).toBe(18)
  const feeds = Object.fromEntries(form.inputs.map((tensor, i) => [`x${i}`, tensor]))
  const { y } = await run(upgraded, feeds)
  expect(y?.dims).toEqual(expected.dims)
  expected.data.forEach((value, i) => {
    expect(Number(y?.data[i])).toBeCloseTo(Number(value), 5)
  })
})

test.each<[string, Old]>([
  ['Add', old(6, 'Add', [square, vector(1, 2)], { broadcast: int(1), axis: int(0) })],
  ['PRelu', old(6, 'PRelu', [square, vector(1, 2)])],
  ['Tile', old(5, 'Tile', [square, vector(2), vector(0)])],
  ['Scan', old(8, 'Scan', [square])],
])('what depends on dimensions, or is nowhere to be found, is refused: %s', (operator, form) => {
  expect(() => readModel(fileOf(form))).toThrow(
    `${operator} node "old" is in a form that ONNX gave up long ago: export the model again with a newer operator set`,
  )
})

test('a BatchNormalization with statistics for each position is refused', () => {
  const statistics = [1, 2, 3, 4].map((value) => vector(value, value))
  const form = old(7, 'BatchNormalization', [square, ...statistics], { spatial: int(0) })
  expect(() => readModel(fileOf(form))).toThrow(
    'BatchNormalization node "old" normalizes each position by itself',
  )
})
