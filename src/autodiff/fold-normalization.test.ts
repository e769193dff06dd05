import { expect, test } from 'vitest'
import { run, runtime, vjp } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, sizeOf, type Tensor } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'
import { inferTypes } from '../runtime/types.ts'
import { differentiate } from './differentiate.ts'
import { foldNormalization } from './fold-normalization.ts'
import { lower } from './lowering/index.ts'

const random = createRandom('fold')
const draw = (dims: readonly number[], low: number, high: number) =>
  float32(
    dims,
    Array.from({ length: sizeOf(dims) }, () => low + (high - low) * random.uniform()),
  )

function network({ bias, group, batch }: { bias: boolean; group: number; batch: number }) {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [batch, 4, 5, 5])
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

/** As a runtime takes it. */
const ready = (graph: Graph) => lower(graph, new Map(), 0)

/** The vector-Jacobian product of a graph that already has operators of our own. */
async function gradients(
  { graph, types }: ReturnType<typeof foldNormalization>,
  x: Tensor,
  cotangent: Tensor,
  wrt: readonly string[],
) {
  const builder = createBuilder('folded', graph)
  const seed = builder.input('cotangent', 'float32', cotangent.dims)
  const seeds = new Map([['y', seed]])
  const derivatives = differentiate(builder.build(), types, seeds, wrt)
  const outputs = wrt.map((name) => ({ name: derivatives.gradients.get(name) as string }))
  const lowered = lower({ ...derivatives.graph, outputs }, derivatives.types, 0)
  const results = Object.values(await run(lowered, { x, cotangent }))
  return Object.fromEntries(wrt.map((name, index) => [name, results[index] as Tensor]))
}

test.each([
  { bias: true, group: 1, batch: 8, byPixel: false },
  { bias: false, group: 1, batch: 8, byPixel: true },
  { bias: true, group: 2, batch: 8, byPixel: false },
  { bias: true, group: 1, batch: 1, byPixel: false },
  { bias: false, group: 1, batch: 1, byPixel: true },
])('%j: the same results and gradients without a normalization', async ({ byPixel, ...given }) => {
  const graph = network(given)
  const { bias, batch } = given
  const x = draw([batch, 4, 5, 5], -1, 1)
  const wrt = ['x', 'w', ...(bias ? ['b'] : []), 'scale', 'shift']
  const typed = await inferTypes(graph, { x }, runtime)
  const folded = foldNormalization(
    typed.graph,
    typed.types,
    new Set(wrt),
    new Set(byPixel ? ['w'] : []),
  )
  const operators = folded.graph.nodes.map(({ operator }) => operator)
  expect(operators).not.toContain('BatchNormalization')
  // A kernel of 108 or 216 weights, and a map of 54 values an image.
  expect(operators.includes('ChannelAffine')).toBe(batch === 1)
  expectClose(await run(ready(folded.graph), { x }), await run(graph, { x }))
  const y = draw([batch, 6, 3, 3], -1, 1)
  expectClose(await gradients(folded, x, y, wrt), await vjp(graph, { x }, { y }, wrt))
})

test('what is not trained is left to ONNX Runtime', async () => {
  const graph = network({ bias: true, group: 1, batch: 8 })
  const { types } = await inferTypes(graph, { x: draw([8, 4, 5, 5], -1, 1) }, runtime)
  expect(foldNormalization(graph, types, new Set(), new Set()).graph).toBe(graph)
})

test('a convolution that others read stays beside the normalization', async () => {
  const graph = network({ bias: true, group: 1, batch: 8 })
  const x = draw([8, 4, 5, 5], -1, 1)
  const { types } = await inferTypes(graph, { x }, runtime)
  const conv = graph.nodes.find(({ operator }) => operator === 'Conv')?.outputs[0] as string
  const read = { ...graph, outputs: [...graph.outputs, { name: conv }] }
  const { graph: folded } = foldNormalization(read, types, new Set(['w']), new Set())
  expectClose(await run(ready(folded), { x }), await run(read, { x }))
})
