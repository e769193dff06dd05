import { expect, test } from 'vitest'
import { createBuilder, defaultOpset } from './builder.ts'
import { constantsOf, consumersOf, producersOf, pruneTo } from './graph.ts'
import { float32, int64 } from './tensor.ts'
import { verify } from './verify.ts'

const vector = (...values: number[]) => float32([values.length], values)

test('equal nodes are made once, different ones are not', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2, 2])
  const sum = builder.op('ReduceSum', [x, builder.int64s([1])], { keepdims: 0 })
  expect(builder.op('ReduceSum', [x, builder.int64s([1])], { keepdims: 0 })).toBe(sum)
  expect(builder.op('ReduceSum', [x, builder.int64s([1])], { keepdims: 1 })).not.toBe(sum)
  expect(builder.op('ReduceSum', [x, builder.int64s([0])], { keepdims: 0 })).not.toBe(sum)
  expect(builder.op('ReduceMax', [x, builder.int64s([1])], { keepdims: 0 })).not.toBe(sum)
  expect(builder.build().nodes).toHaveLength(6)
})

test('constants are shared where type, dimensions and values are equal', () => {
  const builder = createBuilder()
  const one = builder.scalar(1)
  expect(builder.scalar(1)).toBe(one)
  expect(builder.constant(float32([], [1]))).toBe(one)
  const others = [
    builder.scalar(2),
    builder.scalar(1, 'float64'),
    builder.scalar(1, 'int64'),
    builder.constant(vector(1)),
    builder.constant(int64([1], [1])),
  ]
  expect(new Set([one, ...others]).size).toBe(6)
})

test('omitted inputs at the end are left away, those between are empty', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2])
  builder.op('Clip', [x, undefined, builder.scalar(1)])
  builder.op('Clip', [x, builder.scalar(0), undefined])
  const clips = builder.build().nodes.filter(({ operator }) => operator === 'Clip')
  expect(clips.map(({ inputs }) => inputs.length)).toEqual([3, 2])
  expect(clips[0]?.inputs[1]).toBe('')
})

test('names never collide, also with those of the graph that is continued', () => {
  const first = createBuilder()
  const x = first.input('x', 'float32', [2])
  first.op('Relu', [x])
  first.parameter('Relu_1', vector(1, 2))
  const second = createBuilder('more', first.build())
  second.op('Relu', ['Relu'])
  second.op('Relu', ['Relu_1'])
  expect(second.fresh('x')).not.toBe('x')
  const graph = second.build()
  verify(graph)
  expect(graph.nodes).toHaveLength(3)
  expect(new Set(graph.nodes.flatMap(({ outputs }) => outputs)).size).toBe(3)
})

test('a public name that is taken is refused, unless it was reserved', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2])
  expect(() => builder.parameter('x', vector(1))).toThrow('two values are named "x"')
  expect(() => builder.alias('x', x)).toThrow('two values are named "x"')
  const reserved = builder.fresh('weight')
  expect(builder.parameter(reserved, vector(1))).toBe('weight')
  expect(() => builder.parameter('weight', vector(1))).toThrow('"weight"')
})

test('a built graph does not change as the builder goes on', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2])
  builder.output(builder.op('Relu', [x]))
  const before = builder.build({ author: 'test' })
  builder.op('Neg', [x])
  builder.parameter('w', vector(1))
  expect(before.nodes).toHaveLength(1)
  expect(before.initializers.size).toBe(0)
  expect(before.metadata).toEqual({ author: 'test' })
  expect(before.opsets).toEqual({ '': defaultOpset })
})

test('operators of another domain bring its operator set', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2])
  builder.op('com.microsoft.Gelu', [x])
  const graph = builder.build()
  expect(graph.opsets).toEqual({ '': defaultOpset, 'com.microsoft': 1 })
  expect(graph.nodes[0]).toMatchObject({ operator: 'Gelu', domain: 'com.microsoft' })
})

test('pruning keeps what an output needs, in order, and nothing else', () => {
  const builder = createBuilder()
  const [x, y] = [builder.input('x', 'float32', [2]), builder.input('y', 'float32', [2])]
  const w = builder.parameter('w', vector(1, 2))
  builder.parameter('unused', vector(3))
  const product = builder.op('Mul', [x, w])
  const [left = '', right = ''] = builder.ops('Split', [product], { num_outputs: 2 }, 2)
  builder.output(builder.op('Neg', [right]))
  builder.output(builder.op('Add', [builder.op('Exp', [left]), y]))
  const graph = builder.build()
  const pruned = pruneTo(graph, [{ name: 'Neg' }])
  verify(pruned)
  expect(pruned.nodes.map(({ operator }) => operator)).toEqual(['Mul', 'Split', 'Neg'])
  expect(pruned.inputs.map(({ name }) => name)).toEqual(['x'])
  expect([...pruned.initializers.keys()]).toEqual(['w'])
  expect(graph.nodes).toHaveLength(5)
})

test('producers, consumers and constants are found by the names of values', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2])
  const two = builder.scalar(2)
  const square = builder.op('Mul', [x, x])
  builder.output(builder.op('Add', [square, two]))
  const graph = builder.build()
  expect(producersOf(graph).get(square)?.operator).toBe('Mul')
  expect(producersOf(graph).has(x)).toBe(false)
  expect(
    consumersOf(graph)
      .get(x)
      ?.map(({ operator }) => operator),
  ).toEqual(['Mul'])
  expect(constantsOf(graph).get(two)?.data).toEqual(Float32Array.of(2))
})

test('new nodes do not take the names of others, whatever those call their outputs', () => {
  const named = (name: string, output: string) => ({
    name,
    operator: 'Relu',
    domain: '',
    inputs: ['x'],
    outputs: [output],
    attributes: {},
  })
  const base = { ...createBuilder().build(), nodes: [named('Add', '12')] }
  const builder = createBuilder('graph', base, ['13'])
  builder.append(named('Add_1', '13'))
  const sum = builder.op('Add', ['12', '13'])
  const names = builder.build().nodes.map(({ name }) => name)
  expect(new Set(names).size).toBe(3)
  expect(names.at(-1)).toBe(sum)
})
