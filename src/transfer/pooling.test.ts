import { expect, test } from 'vitest'
import { meanOver, normal } from '../../testing/image-networks.ts'
import { run } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import type { Tensor } from '../graph/tensor.ts'
import { poolingOf } from './pooling.ts'

/** What a pooling makes of a value. */
async function pooled(x: Tensor, channels: 1 | 3 = 1, plain = false) {
  const pooling = poolingOf('x', x, channels, plain)
  const builder = createBuilder()
  builder.input('x', x.type, x.dims)
  builder.output(pooling?.write(builder) as string)
  const [features] = Object.values(await run(builder.build(), { x }))
  expect(features?.dims).toEqual([x.dims[0], pooling?.features])
  return Array.from(features?.data ?? [], Number)
}

/** Two parts of each row side by side. */
const beside = (a: readonly number[], b: readonly number[], rows: number) =>
  Array.from({ length: rows }, (_, row) => {
    const [wide, narrow] = [a.length / rows, b.length / rows]
    return [...a.slice(row * wide, (row + 1) * wide), ...b.slice(row * narrow, (row + 1) * narrow)]
  }).flat()

const expectClose = (found: readonly number[], expected: readonly number[]) => {
  expect(found.length).toBe(expected.length)
  found.forEach((value, index) => {
    expect(value).toBeCloseTo(expected[index] as number, 5)
  })
}

test('a vector is what it is', async () => {
  const x = normal(3, 5)
  expect(await pooled(x)).toEqual(Array.from(x.data, Number))
})

test('a small map is averaged over its pixels, wherever its channels are', async () => {
  const x = normal(2, 4, 3, 5)
  expectClose(await pooled(x, 1), meanOver(x, [2, 3]))
  expectClose(await pooled(x, 3), meanOver(x, [1, 2]))
})

test('a large map gives its maxima too, unless it is what a classifier reads', async () => {
  const x = normal(2, 3, 9, 8)
  const maxima = [0, 1, 2, 3, 4, 5].map((plane) =>
    Math.max(...Array.from(x.data.slice(plane * 72, (plane + 1) * 72), Number)),
  )
  expectClose(await pooled(x, 1), beside(meanOver(x, [2, 3]), maxima, 2))
  expectClose(await pooled(x, 1, true), meanOver(x, [2, 3]))
})

test('tokens are averaged; before a square of others the first is a class token', async () => {
  const x = normal(2, 10, 4)
  const firsts = [0, 1].flatMap((row) => Array.from(x.data.slice(row * 40, row * 40 + 4), Number))
  expectClose(await pooled(x), beside(firsts, meanOver(x, [1]), 2))
  const others = normal(2, 9, 4)
  expectClose(await pooled(others), meanOver(others, [1]))
})

test('anything else has no features', () => {
  expect(poolingOf('x', { type: 'int64', dims: [2, 3] }, 1)).toBeNull()
  expect(poolingOf('x', { type: 'float32', dims: [2] }, 1)).toBeNull()
  expect(poolingOf('x', { type: 'float32', dims: [2, 3, 4, 5, 6] }, 1)).toBeNull()
})
