import { describe, expect, test } from 'vitest'
import { run, runtime } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32, numbersOf, type TensorType } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'
import { inferTypes } from '../runtime/types.ts'
import { drawMask, feedDropout } from './dropout.ts'

describe('a mask', () => {
  const mask = { input: 'mask', dims: [100, 200], rate: 0.3 }

  test('drops its share and keeps the mean at 1', () => {
    const values = Array.from(drawMask(mask, createRandom(1)).data, Number)
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.7)]))
    // Five standard errors of 20000 draws.
    const dropped = values.filter((value) => value === 0).length / values.length
    expect(Math.abs(dropped - 0.3)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / 20000))
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    expect(Math.abs(mean - 1)).toBeLessThan(5 * Math.sqrt(0.3 / 0.7 / 20000))
  })

  test('repeats with the seed', () => {
    expect(drawMask(mask, createRandom(2))).toEqual(drawMask(mask, createRandom(2)))
    expect(drawMask(mask, createRandom(3))).not.toEqual(drawMask(mask, createRandom(2)))
  })

  test('of rate 0 keeps everything, of rate 1 nothing', () => {
    const random = createRandom(1)
    expect(new Set(numbersOf(drawMask({ ...mask, rate: 0 }, random)))).toEqual(new Set([1]))
    expect(new Set(numbersOf(drawMask({ ...mask, rate: 1 }, random)))).toEqual(new Set([0]))
  })
})

test('every dropout of a graph is fed a mask of its own, at its own rate', async () => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2, 3])
  const half = builder.op('Dropout', [x])
  const rate = builder.parameter('rate', float32([], [0.25]))
  const quarter = builder.op('Dropout', [half, rate])
  builder.output(builder.op('Dropout', [quarter, builder.scalar(0)]))
  const graph = builder.build()
  const type: TensorType = { type: 'float32', dims: [2, 3] }
  const { types } = await inferTypes(graph, { x: type }, runtime)
  const { graph: fed, masks } = feedDropout(graph, types)
  expect(masks.map((mask) => mask.rate)).toEqual([0.5, 0.25, 0])
  expect(masks.map(({ dims }) => dims)).toEqual([type.dims, type.dims, type.dims])
  expect(fed.nodes.some(({ operator }) => operator === 'Dropout')).toBe(false)

  const feeds = Object.fromEntries(
    masks.map(({ input }, i) => [input, float32([2, 3], Array(6).fill(i + 2))]),
  )
  const output = await run(fed, { x: float32([2, 3], [1, 2, 3, 4, 5, 6]), ...feeds })
  expect(Object.values(output)[0]?.data).toEqual(
    Float32Array.from([1, 2, 3, 4, 5, 6], (value) => value * 2 * 3 * 4),
  )
})
