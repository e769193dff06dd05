import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mean, median, quantile, standardDeviation, variance } from './summaries.ts'

// Adding zero turns -0 into 0, which a sum would do as well.
const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => value + 0)

describe('summaries', () => {
  it('variance divides by n - 1 (numpy.var with ddof=1)', () => {
    expect(variance([0.81, 0.84, 0.79, 0.88, 0.83])).toBeCloseTo(0.00115, 12)
    expect(standardDeviation([1, 3])).toBeCloseTo(Math.SQRT2, 12)
  })

  it.each([
    [0, 1],
    [0.1, 1],
    [0.25, 1.75],
    [0.5, 3.5],
    [0.9, 6.9],
    [1, 9],
  ])('quantile %d as numpy.quantile, which interpolates linearly', (p, expected) => {
    expect(quantile([3, 1, 4, 1, 5, 9, 2, 6], p)).toBeCloseTo(expected, 12)
  })

  it('equal values have exactly their mean and no variance, whatever rounding does to sums', () => {
    fc.assert(
      fc.property(finite, fc.integer({ min: 2, max: 40 }), (value, n) => {
        const values = new Array<number>(n).fill(value)
        expect(mean(values)).toBe(value)
        expect(variance(values)).toBe(0)
      }),
    )
  })

  it('mean and median lie among the values, and the input is left as it was', () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1 }), (values) => {
        const before = [...values]
        for (const centre of [mean(values), median(values)]) {
          expect(centre).toBeGreaterThanOrEqual(Math.min(...values) - 1e-6)
          expect(centre).toBeLessThanOrEqual(Math.max(...values) + 1e-6)
        }
        expect(values).toEqual(before)
      }),
    )
  })

  it('too few values are an error, not NaN', () => {
    expect(() => mean([])).toThrow('at least 1')
    expect(() => variance([1])).toThrow('at least 2')
    expect(() => quantile([1], 1.2)).toThrow('[0, 1]')
  })
})
