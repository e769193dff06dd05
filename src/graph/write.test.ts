import { fromBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { ModelProtoSchema } from 'onnx-buf'
import { expect, test } from 'vitest'
import { type Draw, draws } from '../../testing/generate.ts'
import { createBuilder } from './builder.ts'
import type { Graph } from './graph.ts'
import { isHalf } from './half-precision.ts'
import { readModel } from './read.ts'
import { type ElementType, elementTypes, sizeOf, type Tensor } from './tensor.ts'
import { writeModel } from './write.ts'

/** A tensor of any dimensions, also empty ones, and of any type that stays as it is. */
function tensor(draw: Draw): Tensor {
  const type = draw.one(...(Object.keys(elementTypes) as ElementType[]).filter((t) => !isHalf(t)))
  const dims = draw.integers(draw.integer(0, 3), 0, 3)
  const { array } = elementTypes[type]
  const values = draw.integers(sizeOf(dims), 0, type === 'bool' ? 1 : 100)
  const data = array as { from(values: Iterable<number | bigint>): Tensor['data'] }
  const wide = type === 'int64' || type === 'uint64'
  return { type, dims, data: data.from(wide ? values.map(BigInt) : values) }
}

/** A random graph: some inputs and parameters, and nodes with every kind of attribute over what was there before. */
function randomGraph(draw: Draw): Graph {
  const builder = createBuilder('random')
  const values = Array.from({ length: draw.integer(1, 3) }, (_, i) =>
    builder.input(`input ${i}`, draw.one('float32', 'int64', 'bool'), draw.one([], ['n', 3], [2])),
  )
  for (let i = 0; i < draw.integer(0, 3); i++)
    values.push(builder.parameter(`p.${i}`, tensor(draw)))
  const any = () => draw.one(...values)
  const steps = [
    () => builder.op('Add', [any(), any()]),
    () => builder.op('Clip', [any(), undefined, any()]),
    () => builder.op('Concat', [any(), any(), any()], { axis: draw.integer(-3, 3) }),
    () => builder.op('LeakyRelu', [any()], { alpha: draw.integer(-8, 8) / 4 }),
    () => builder.op('Transpose', [any()], { perm: draw.integers(draw.integer(0, 4), 0, 9) }),
    () => builder.op('Pad', [any(), any()], { mode: draw.one('edge', 'reflect') }),
    () => builder.ops('Split', [any()], { num_outputs: 2 }, 2)[1] as string,
    () => builder.op('com.microsoft.QuickGelu', [any()], { alpha: 1.5 }),
    () => builder.constant(tensor(draw)),
  ]
  for (let i = 0; i < draw.integer(1, 8); i++) values.push(draw.one(...steps)())
  builder.output(builder.alias('result', any()), 'float32', ['n', 3])
  if (draw.boolean()) builder.output(builder.alias('untyped', any()))
  return builder.build({ classes: 'Äpfel, Birnen', empty: '' })
}

test('any graph is read as it was written', () => {
  fc.assert(
    fc.property(draws, (draw) => {
      const graph = randomGraph(draw)
      expect(readModel(writeModel(graph))).toEqual(graph)
    }),
    { numRuns: 200 },
  )
})

test('the end of a slice that is the largest integer survives as an end', () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2])
  builder.output(builder.op('Transpose', [x], { perm: [2 ** 63, -(2 ** 62)] }))
  const proto = fromBinary(ModelProtoSchema, writeModel(builder.build()))
  expect(proto.graph?.node[0]?.attribute[0]?.ints).toEqual([2n ** 63n - 1n, -(2n ** 62n)])
})

test.each([
  [18, 8n],
  [19, 9n],
  [20, 9n],
  [21, 10n],
  [23, 11n],
])('operator set %i is written with IR version %i', (opset, version) => {
  const graph = { ...createBuilder().build(), opsets: { '': opset } }
  expect(fromBinary(ModelProtoSchema, writeModel(graph)).irVersion).toBe(version)
})
