import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Draw, draws } from '../../testing/generate.ts'
import { largestError } from '../../testing/golden.ts'
import { run, runtime, vjp } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { type Graph, pruneTo } from '../graph/graph.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { blockSize } from '../runtime/lowering.ts'
import { inferTypes } from '../runtime/types.ts'
import { differentiate } from './differentiate.ts'
import { lower } from './lowering/index.ts'
import { putTap, tapOf, writeTapProducts } from './tap-products.ts'

function convolution(d: Draw) {
  const kernel = d.integers(2, 1, 5)
  const dilations = d.integers(2, 1, 2)
  const map = d.integers(2, 1, 4)
  const pads = d.integers(4, 0, 3)
  // At least one pixel comes out.
  const dims = map.map((size, axis) => {
    const extent = ((kernel[axis] as number) - 1) * (dilations[axis] as number) + 1
    return Math.max(size, extent - (pads[axis] as number) - (pads[axis + 2] as number))
  })
  const builder = createBuilder()
  const channels = d.one(5, 16)
  const x = d.normal([d.integer(1, 2), channels, ...dims])
  const inputs = [
    builder.input('x', 'float32', x.dims),
    builder.parameter('w', d.normal([16, channels, ...kernel])),
    ...(d.boolean() ? [builder.parameter('b', d.normal([16]))] : []),
  ]
  const y = builder.op('Conv', inputs, { dilations, pads, strides: d.integers(2, 1, 2) })
  builder.output(builder.alias('y', y))
  return { graph: builder.build(), x }
}

/** The output and the gradients of a graph that was taken apart, on blocks and without. */
async function results(
  { graph, types, taps }: ReturnType<typeof writeTapProducts>,
  feeds: { x: Tensor; cotangent: Tensor },
  block: number,
): Promise<Record<string, Tensor | undefined>> {
  const builder = createBuilder('apart', graph)
  const seed = builder.input('cotangent', 'float32', feeds.cotangent.dims)
  const pieces = taps.get('w') ?? []
  const wrt = ['x', ...(graph.initializers.has('b') ? ['b'] : []), ...pieces]
  const derivatives = differentiate(builder.build(), types, new Map([['y', seed]]), wrt)
  const known = wrt.filter((name) => derivatives.gradients.get(name))
  const wanted = ['y', ...known.map((name) => derivatives.gradients.get(name) as string)]
  const outputs = wanted.map((name) => ({ name }))
  const lowered = lower(pruneTo(derivatives.graph, outputs), derivatives.types, block)
  const values = Object.values(await run(lowered, feeds))
  return Object.fromEntries(['y', ...known].map((name, index) => [name, values[index]]))
}

test.each([
  ['planes', () => 0],
  ['blocks, where the runtime has them', () => blockSize(runtime)],
])('products by tap are the convolution, and so are their gradients: %s', async (_, blockOf) => {
  const block = await blockOf()
  let taken = 0
  await fc.assert(
    fc.asyncProperty(draws, async (d) => {
      const { graph, x } = convolution(d)
      const typed = await inferTypes(graph, { x }, runtime)
      const apart = writeTapProducts(typed.graph, typed.types, new Set(['w']), 0)
      const names = apart.taps.get('w')
      if (!names) return
      taken++
      const plain = await run(graph, { x })
      const cotangent = d.normal((plain.y as Tensor).dims)
      const wrt = ['x', 'w', ...(graph.initializers.has('b') ? ['b'] : [])]
      const expected = { ...plain, ...(await vjp(graph, { x }, { y: cotangent }, wrt)) }
      const got = await results(apart, { x, cotangent }, block)
      const kernel = graph.initializers.get('w') as Tensor
      const gradient = new Float32Array(kernel.data.length)
      names.forEach((name, tap) => {
        const own = got[name]?.data as Float32Array | undefined
        // A tap without a gradient sees nothing but padding.
        if (own) putTap(gradient, own, tap, names.length)
      })
      const whole: Record<string, Tensor | undefined> = {
        ...got,
        w: float32(kernel.dims, gradient),
      }
      for (const [name, tensor] of Object.entries(expected)) {
        expect(largestError(whole[name], tensor), name).toBeLessThan(1e-5)
      }
    }),
    { numRuns: 40, seed: 7 },
  )
  // Most of what is drawn lies on padding for the most part.
  expect(taken).toBeGreaterThan(8)
})

test('kernels that are not trained, or needed elsewhere, or see mostly pixels stay as they are', async () => {
  const build = (map: number, twice: boolean): Graph => {
    const builder = createBuilder()
    const x = builder.input('x', 'float32', [1, 4, map, map])
    const w = builder.parameter('w', float32([4, 4, 3, 3], Array(144).fill(1)))
    const pads = [1, 1, 1, 1]
    const once = builder.op('Conv', [x, w], { pads })
    builder.output(twice ? builder.op('Conv', [once, w], { pads }) : once)
    return builder.build()
  }
  const tapsOf = async (graph: Graph, map: number, trainable: readonly string[], least = 0) => {
    const x = { type: 'float32', dims: [1, 4, map, map] } as const
    const typed = await inferTypes(graph, { x }, runtime)
    return writeTapProducts(typed.graph, typed.types, new Set(trainable), least).taps.get('w')
  }
  expect(await tapsOf(build(2, false), 2, ['w'])).toHaveLength(9)
  expect(await tapsOf(build(2, false), 2, ['w'], 1e6)).toBeUndefined()
  expect(await tapsOf(build(2, false), 2, [])).toBeUndefined()
  expect(await tapsOf(build(2, true), 2, ['w'])).toBeUndefined()
  expect(await tapsOf(build(3, false), 3, ['w'])).toBeUndefined()
})

test('a tap is every n-th value of a kernel, and goes back to where it was', () => {
  const kernel = Float32Array.from({ length: 24 }, (_, i) => i)
  const back = new Float32Array(24)
  for (let tap = 0; tap < 4; tap++) {
    const own = tapOf(kernel, tap, 4)
    expect(Array.from(own)).toEqual([0, 4, 8, 12, 16, 20].map((first) => first + tap))
    putTap(back, own, tap, 4)
  }
  expect(back).toEqual(kernel)
})
