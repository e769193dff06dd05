import { expect, test } from 'vitest'
import { drawIntegers, drawUniform, project, relativeError } from './network-reference.ts'

test('the numbers are those of scripts/reference/draws.py, bit for bit', () => {
  const values = drawUniform('7/conv.weight', 1_100_000, 0.5, 0.3)
  expect([...values.slice(0, 3), values.at(-1)]).toEqual([
    0.6821203231811523, 0.5412281155586243, 0.5507545471191406, 0.665475070476532,
  ])
  expect([...drawIntegers('7/x', 6, 61)]).toEqual([31n, 11n, 36n, 35n, 23n, 21n])
  const products = project('directions/conv.weight', Float32Array.of(1, 2, 4, 8, 16, 32), 8)
  expect(products).toEqual([-13, -61, -63, -21, 39, 43, 63, 27])
})

test('an error is estimated within a factor of two, wherever in the tensor it is', () => {
  const size = 5000
  const truth = drawUniform('truth', size, 0, 1)
  const scale = Math.hypot(...truth)
  const products = project('directions/w', truth, 8).map((product) => product / scale)
  const noise = drawUniform('noise', size, 0, 1)
  const differences: [string, (i: number) => number][] = [
    ['in one element', (i) => (i === 1234 ? 1 : 0)],
    ['in one channel', (i) => (i < 50 ? (noise[i] as number) : 0)],
    ['everywhere', (i) => noise[i] as number],
    ['a wrong factor', (i) => truth[i] as number],
  ]
  for (const [where, difference] of differences) {
    const all = Array.from(truth, (_, i) => 1e-3 * difference(i))
    const actual = Math.hypot(...all) / scale
    const data = truth.map((value, i) => value + (all[i] as number))
    const tensor = { type: 'float32', dims: [size], data } as const
    const estimate = relativeError('w', tensor, { scale, ownError: 0, products })
    expect(estimate / actual, where).toBeGreaterThan(0.5)
    expect(estimate / actual, where).toBeLessThan(2)
  }
})

test('a gradient with a value that is not a number has no small error', () => {
  const tensor = { type: 'float32', dims: [3], data: Float32Array.of(1, Number.NaN, 2) } as const
  const reference = { scale: 1, ownError: 0, products: [0, 0, 0, 0, 0, 0, 0, 0] }
  expect(relativeError('w', tensor, reference)).toBeNaN()
})
