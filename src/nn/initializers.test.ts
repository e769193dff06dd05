import { describe, expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import {
  constant,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  lecunNormal,
  lecunUniform,
} from './initializers.ts'

/** The formulas of the papers for a convolution of 24 filters over 8 channels, 3 x 3: fan-in 72, fan-out 216. */
const dims = [24, 8, 3, 3]
const variances = {
  heNormal: [heNormal, 2 / 72],
  heUniform: [heUniform, 2 / 72],
  glorotNormal: [glorotNormal, 2 / (72 + 216)],
  glorotUniform: [glorotUniform, 2 / (72 + 216)],
  lecunNormal: [lecunNormal, 1 / 72],
  lecunUniform: [lecunUniform, 1 / 72],
} as const satisfies Record<string, readonly [Initializer, number]>

const sum = (values: Iterable<number>) => Array.from(values).reduce((a, b) => a + b, 0)

describe.each(Object.entries(variances))('%s', (name, [initializer, variance]) => {
  const draws = Array.from({ length: 40 }, (_, seed) => initializer(dims, createRandom(seed)))
  const values = draws.flatMap((draw) => [...draw])
  const deviation = Math.sqrt(variance)

  test('has mean zero and the variance of its paper', () => {
    const count = values.length
    expect(count).toBe(40 * 24 * 72)
    // Five standard errors of 69120 draws; the fourth moment of a normal value makes its variance the less certain one.
    expect(Math.abs(sum(values) / count)).toBeLessThan((5 * deviation) / Math.sqrt(count))
    const found = sum(values.map((value) => value ** 2)) / count
    expect(Math.abs(found / variance - 1)).toBeLessThan(5 * Math.sqrt(2 / count))
  })

  test('has the range of its distribution', () => {
    const largest = Math.max(...values.map(Math.abs)) / deviation
    if (name.endsWith('Uniform')) {
      expect(largest).toBeLessThanOrEqual(Math.sqrt(3) + 1e-6)
      expect(largest).toBeGreaterThan(0.999 * Math.sqrt(3))
    } else {
      expect(largest).toBeGreaterThan(3.5)
      expect(largest).toBeLessThan(6)
    }
  })

  test('repeats with the seed, and differs with another', () => {
    expect(initializer(dims, createRandom(7))).toEqual(draws[7])
    expect(draws[8]).not.toEqual(draws[7])
  })
})

test('a dense weight [out, in] counts its inputs as fan-in', () => {
  const wide = heUniform([4, 1000], createRandom(1))
  expect(Math.max(...wide.map(Math.abs))).toBeLessThanOrEqual(Math.sqrt(6 / 1000))
  expect(Math.max(...wide.map(Math.abs))).toBeGreaterThan(0.99 * Math.sqrt(6 / 1000))
})

test('a constant fills the whole parameter', () => {
  expect([...constant(0.5)([2, 3], createRandom(1))]).toEqual(Array(6).fill(0.5))
})
