import { describe, expect, test } from 'vitest'
import { run } from '../../testing/runtime.ts'
import type { Attributes, Graph, Node } from './graph.ts'
import { readModel } from './read.ts'
import { float32, int64, type Tensor } from './tensor.ts'
import { newestOpset, oldestOpset } from './upgrade.ts'
import { writeModel } from './write.ts'

const int = (value: number) => ({ type: 'int', value }) as const
const float = (value: number) => ({ type: 'float', value }) as const
const ints = (...value: number[]) => ({ type: 'ints', value }) as const
const floats = (...value: number[]) => ({ type: 'floats', value }) as const
const string = (value: string) => ({ type: 'string', value }) as const

const ramp = (...dims: number[]): Tensor => {
  const size = dims.reduce((a, b) => a * b, 1)
  return float32(
    dims,
    Array.from({ length: size }, (_, i) => Math.sin(1 + 2 * i) + 0.1 * i),
  )
}

type Old = {
  readonly opset: number
  readonly operator: string
  readonly x: Tensor
  readonly attributes?: Attributes
  /** Further inputs, as initializers. */
  readonly more?: readonly Tensor[]
  readonly outputs?: number
}

/** A graph with one node in the form of an older operator set. */
function oldGraph({ opset, operator, x, attributes = {}, more = [], outputs = 1 }: Old): Graph {
  const names = more.map((_, i) => `p${i}`)
  const results = Array.from({ length: outputs }, (_, i) => `y${i}`)
  const node: Node = {
    name: 'old',
    operator,
    domain: '',
    inputs: ['x', ...names],
    outputs: results,
    attributes,
  }
  return {
    name: 'old',
    opsets: { '': opset },
    inputs: [{ name: 'x', type: x.type, dims: x.dims }],
    outputs: results.map((name) => ({ name })),
    nodes: [node],
    initializers: new Map(names.map((name, i) => [name, more[i] as Tensor])),
    metadata: {},
  }
}

const softmaxes = ['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((operator) =>
  [undefined, 0, 1, 2, -1, -2].map((axis): [string, Old] => [
    `${operator} along the axes from ${axis ?? 'its default'} on`,
    {
      opset: 11,
      operator,
      x: ramp(2, 3, 4),
      attributes: axis === undefined ? {} : { axis: int(axis) },
    },
  ]),
)

const reductions = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSum',
  'ReduceSumSquare',
].map((operator): [string, Old] => [
  `${operator} with axes as an attribute`,
  { opset: 11, operator, x: ramp(2, 3, 4), attributes: { axes: ints(0, -1), keepdims: int(0) } },
])

const image = ramp(1, 2, 3, 3)
const vector = (...values: number[]) => float32([values.length], values)
const statistics = [vector(1, 2), vector(0.5, -1), vector(0.1, 0.2), vector(1, 3)]

const cases: readonly [string, Old][] = [
  ...softmaxes,
  ...reductions,
  ['ReduceMean over all axes', { opset: 17, operator: 'ReduceMean', x: ramp(2, 3) }],
  [
    'Squeeze of given axes',
    { opset: 11, operator: 'Squeeze', x: ramp(2, 1, 3, 1), attributes: { axes: ints(1) } },
  ],
  ['Squeeze of every axis of size 1', { opset: 11, operator: 'Squeeze', x: ramp(2, 1, 3, 1) }],
  [
    'Unsqueeze',
    { opset: 9, operator: 'Unsqueeze', x: ramp(2, 3), attributes: { axes: ints(0, 2) } },
  ],
  [
    'Clip with both bounds',
    {
      opset: 7,
      operator: 'Clip',
      x: ramp(2, 3),
      attributes: { min: float(-0.5), max: float(0.5) },
    },
  ],
  [
    'Clip with one bound',
    { opset: 10, operator: 'Clip', x: ramp(2, 3), attributes: { max: float(0.5) } },
  ],
  [
    'Split into given sizes',
    {
      opset: 11,
      operator: 'Split',
      x: ramp(2, 5),
      attributes: { axis: int(1), split: ints(2, 3) },
      outputs: 2,
    },
  ],
  [
    'Split into equal parts',
    { opset: 13, operator: 'Split', x: ramp(2, 6), attributes: { axis: int(1) }, outputs: 3 },
  ],
  [
    'Pad with a value',
    {
      opset: 9,
      operator: 'Pad',
      x: ramp(2, 3),
      attributes: { pads: ints(0, 1, 2, 0), value: float(1.5) },
    },
  ],
  [
    'Pad by reflection',
    {
      opset: 10,
      operator: 'Pad',
      x: ramp(2, 3),
      attributes: { pads: ints(0, 1, 1, 2), mode: string('reflect') },
    },
  ],
  [
    'Slice of some axes',
    {
      opset: 9,
      operator: 'Slice',
      x: ramp(4, 5),
      attributes: { axes: ints(1), starts: ints(1), ends: ints(-1) },
    },
  ],
  [
    'Slice of the first axes',
    {
      opset: 9,
      operator: 'Slice',
      x: ramp(4, 5),
      attributes: { starts: ints(1, 0), ends: ints(3, 2) },
    },
  ],
  [
    'TopK',
    {
      opset: 9,
      operator: 'TopK',
      x: ramp(2, 5),
      attributes: { k: int(2), axis: int(1) },
      outputs: 2,
    },
  ],
  [
    'Scatter',
    { opset: 10, operator: 'Scatter', x: ramp(2, 3), more: [int64([1, 2], [1, 0]), ramp(1, 2)] },
  ],
  [
    'Dropout with a ratio',
    { opset: 10, operator: 'Dropout', x: ramp(2, 3), attributes: { ratio: float(0.3) } },
  ],
  [
    'BatchNormalization',
    {
      opset: 7,
      operator: 'BatchNormalization',
      x: image,
      more: statistics,
      attributes: { epsilon: float(0.01) },
    },
  ],
  [
    'BatchNormalization between operator sets 9 and 13',
    { opset: 12, operator: 'BatchNormalization', x: image, more: statistics },
  ],
  [
    'Upsample with scales as an attribute',
    { opset: 7, operator: 'Upsample', x: image, attributes: { scales: floats(1, 1, 2, 3) } },
  ],
  ['Upsample, nearest', { opset: 9, operator: 'Upsample', x: image, more: [vector(1, 1, 2, 1.5)] }],
  [
    'Upsample, linear',
    {
      opset: 9,
      operator: 'Upsample',
      x: image,
      more: [vector(1, 1, 2, 1.5)],
      attributes: { mode: string('linear') },
    },
  ],
  ['Resize, nearest', { opset: 10, operator: 'Resize', x: image, more: [vector(1, 1, 3, 2)] }],
  [
    'RoiAlign',
    {
      opset: 10,
      operator: 'RoiAlign',
      x: ramp(1, 1, 5, 5),
      more: [float32([1, 4], [0.2, 0.7, 3.6, 4.1]), int64([1], [0])],
      attributes: { output_height: int(2), output_width: int(2) },
    },
  ],
  [
    'Resize, linear',
    {
      opset: 10,
      operator: 'Resize',
      x: image,
      more: [vector(1, 1, 1.7, 2)],
      attributes: { mode: string('linear') },
    },
  ],
]

describe('an older form computes what it did', () => {
  test.each(cases)('%s', async (_, old) => {
    const original = oldGraph(old)
    const upgraded = readModel(writeModel(original))
    expect(upgraded.opsets['']).toBe(18)
    const feeds = { x: old.x }
    const [before, after] = [await run(original, feeds), await run(upgraded, feeds)]
    expect(Object.keys(after)).toEqual(Object.keys(before))
    for (const [name, expected] of Object.entries(before)) {
      expect(after[name]?.dims).toEqual(expected.dims)
      const error = Array.from(expected.data as Float32Array, (value, i) =>
        Math.abs(Number(value) - Number(after[name]?.data[i])),
      )
      expect(Math.max(...error)).toBeLessThan(1e-6)
    }
  })
})

test('a BatchNormalization with five outputs was in training mode, and keeps three', () => {
  const old = { opset: 12, operator: 'BatchNormalization', x: image, more: statistics, outputs: 5 }
  const graph = oldGraph(old)
  const onlyFirst = { ...graph, outputs: graph.outputs.slice(0, 1) }
  const [node] = readModel(writeModel(onlyFirst)).nodes
  expect(node?.attributes.training_mode).toEqual(int(1))
  expect(node?.outputs).toEqual(['y0', 'y1', 'y2'])
})

test('a graph of a newer operator set is left as it is', () => {
  const graph = oldGraph({ opset: 21, operator: 'Relu', x: ramp(2) })
  expect(readModel(writeModel(graph))).toEqual(graph)
})

test('names that the upgrade would take are left to the graph', () => {
  const graph = oldGraph({ opset: 11, operator: 'Softmax', x: ramp(2, 3, 4) })
  const relu = {
    ...graph.nodes[0],
    operator: 'Relu',
    inputs: ['y0'],
    outputs: ['upgraded_0'],
  } as Node
  const read = readModel(writeModel({ ...graph, nodes: [...graph.nodes, relu] }))
  expect(new Set(read.nodes.flatMap(({ outputs }) => outputs)).size).toBe(read.nodes.length)
})

test.each([oldestOpset - 1, newestOpset + 1])('operator set %i is refused', (opset) => {
  const bytes = writeModel(oldGraph({ opset, operator: 'Relu', x: ramp(2) }))
  expect(() => readModel(bytes)).toThrow(
    `the model uses operator set ${opset}; Graft reads ${oldestOpset} to ${newestOpset}`,
  )
})
