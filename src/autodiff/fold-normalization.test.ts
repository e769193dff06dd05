import { expect, test } from 'vitest'
import { run, runtime, vjp } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32, sizeOf, type Tensor } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'
import { inferTypes } from '../runtime/types.ts'
import { foldNormalization } from './fold-normalization.ts'

const random = createRandom('fold')
const draw = (dims: readonly number[], low: number, high: number) =>
  float32(
    dims,
    Array.from({ length: sizeOf(dims) }, () => low + (high - low) * random.uniform()),
  )

function network({ bias, group }: { bias: boolean; group: number }) {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2, 4, 5, 5])
  const w = builder.parameter('w', draw([6, 4 / group, 3, 3], -1, 1))
  const inputs = bias ? [x, w, builder.parameter('b', draw([6], -1, 1))] : [x, w]
  const conv = builder.op('Conv', inputs, { group })
  const statistics = [
    builder.parameter('scale', draw([6], 0.5, 2)),
    builder.parameter('shift', draw([6], -1, 1)),
    builder.parameter('mean', draw([6], -1, 1)),
    builder.parameter('variance', draw([6], 0.5, 2)),
  ]
  const normalized = builder.op('BatchNormalization', [conv, ...statistics])
  builder.output(builder.alias('y', builder.op('Relu', [normalized])))
  return builder.build()
}

function expectClose(got: Record<string, Tensor>, wanted: Record<string, Tensor>) {
  expect(Object.keys(got)).toEqual(Object.keys(wanted))
  for (const [name, { dims, data }] of Object.entries(wanted)) {
    expect(got[name]?.dims, name).toEqual(dims)
    const norm = Math.hypot(...Array.from(data, Number))
    const values = Array.from(got[name]?.data ?? [], Number)
    const error = Array.from(data, Number).map((value, i) => value - (values[i] as number))
    expect(norm, name).toBeGreaterThan(0)
    expect(Math.hypot(...error) / norm, name).toBeLessThan(1e-5)
  }
}

test.each([
  { bias: true, group: 1, byPixel: false },
  { bias: false, group: 1, byPixel: true },
  { bias: true, group: 2, byPixel: false },
])('%j: the same results and gradients without a normalization', async ({ byPixel, ...given }) => {
  const graph = network(given)
  const x = draw([2, 4, 5, 5], -1, 1)
  const wrt = ['x', 'w', ...(given.bias ? ['b'] : []), 'scale', 'shift']
  const typed = await inferTypes(graph, { x }, runtime)
  const { graph: folded } = foldNormalization(
    typed.graph,
    typed.types,
    new Set(wrt),
    new Set(byPixel ? ['w'] : []),
  )
  expect(folded.nodes.map(({ operator }) => operator)).not.toContain('BatchNormalization')
  expectClose(await run(folded, { x }), await run(graph, { x }))
  const cotangent = { y: draw([2, 6, 3, 3], -1, 1) }
  expectClose(await vjp(folded, { x }, cotangent, wrt), await vjp(graph, { x }, cotangent, wrt))
})

test('what is not trained is left to ONNX Runtime, and so is a convolution that others read', async () => {
  const graph = network({ bias: true, group: 1 })
  const { types } = await inferTypes(graph, { x: draw([2, 4, 5, 5], -1, 1) }, runtime)
  expect(foldNormalization(graph, types, new Set(), new Set()).graph).toBe(graph)
  const conv = graph.nodes.find(({ operator }) => operator === 'Conv')?.outputs[0] as string
  const read = { ...graph, outputs: [...graph.outputs, { name: conv }] }
  expect(foldNormalization(read, types, new Set(['w']), new Set()).graph).toBe(read)
})
