import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { betaQuantile, logGamma, regularizedBeta } from './beta.ts'
import { normalQuantile, studentCdf, studentQuantile } from './distributions.ts'

// Every expected number in this file is from SciPy 1.10.1; its function is named in each title.

/** Agreement to about twelve digits, of the size of the expected value itself, however small. */
function expectSame(actual: number, expected: number, digits = 12) {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(10 ** -digits * Math.abs(expected))
}

describe('agreement with SciPy', () => {
  it.each([
    [1e-20, -9.262340089798409],
    [1e-5, -4.264890793922825],
    [0.025, -1.9599639845400545],
    [0.1, -1.2815515655446004],
    [0.3, -0.5244005127080409],
    [0.5, 0],
    [0.8, 0.8416212335729143],
    [0.975, 1.959963984540054],
    [0.9999, 3.719016485455709],
  ])('normalQuantile(%d) as stats.norm.ppf', (p, z) => expectSame(normalQuantile(p), z))

  it.each([
    [-2, 1, 0.1475836176504332],
    [0.5, 2, 0.6666666666666667],
    [1e-6, 3, 0.500000367552597],
    [2.262157, 9, 0.9749999933477842],
    [-40, 4, 1.1670081613006347e-6],
    [3, 1000, 0.9986166454778809],
    [-1, 1e6, 0.15865537491678905],
    [1, 4.5, 0.8159974580599058],
  ])('studentCdf(%d, %d) as stats.t.cdf', (t, df, p) => expectSame(studentCdf(t, df), p, 9))

  it.each([
    [0.975, 1, 12.706204736432095],
    [0.975, 2, 4.302652729911275],
    [0.975, 9, 2.2621571627409915],
    [0.995, 4, 4.604094871415897],
    [0.6, 3, 0.27667066230490933],
    [1e-8, 5, -62.40450611124424],
    [0.975, 1e5, 1.9599877075346093],
    [0.501, 7, 0.0025974636136621727],
  ])('studentQuantile(%d, %d) as stats.t.ppf', (p, df, t) =>
    expectSame(studentQuantile(p, df), t, 9),
  )

  it.each([
    [0.1, 0.5, 0.5, 0.2048327646991335],
    [0.5, 2, 3, 0.6875],
    [0.9, 10, 2, 0.6973568802],
    [0.02, 1, 100, 0.8673804441052473],
    [0.5, 500, 520, 0.7345065771514767],
    [0.999, 80, 0.5, 0.6895429151851584],
  ])('regularizedBeta(%d, %d, %d) as special.betainc', (x, a, b, p) =>
    expectSame(regularizedBeta(x, a, b), p, 11),
  )

  it.each([
    [0.5, 0.5723649429247],
    [2.5, 0.2846828704729192],
    [10, 12.801827480081469],
    [171.5, 709.1431630309283],
    [1e6, 12815504.569147611],
  ])('logGamma(%d) as special.gammaln', (x, y) => expectSame(logGamma(x), y))
})

describe('properties', () => {
  const probability = fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true })

  it('quantiles undo their distribution functions', () => {
    fc.assert(
      fc.property(probability, fc.integer({ min: 1, max: 300 }), (p, df) => {
        expect(studentCdf(studentQuantile(p, df), df)).toBeCloseTo(p, 10)
        expect(regularizedBeta(betaQuantile(p, df, 3), df, 3)).toBeCloseTo(p, 10)
      }),
      { numRuns: 50 },
    )
  })

  it('distributions are symmetric about zero', () => {
    fc.assert(
      fc.property(probability, fc.double({ min: -50, max: 50, noNaN: true }), (p, t) => {
        expect(normalQuantile(1 - p)).toBeCloseTo(-normalQuantile(p), 6)
        expect(studentCdf(t, 4) + studentCdf(-t, 4)).toBeCloseTo(1, 12)
      }),
    )
  })

  it('probabilities of 0 and 1 have no quantile', () => {
    expect(() => normalQuantile(0)).toThrow('between 0 and 1')
    expect(() => studentQuantile(1, 3)).toThrow('between 0 and 1')
    expect(() => studentCdf(1, 0)).toThrow('degree of freedom')
  })

  it('infinite t is certain', () => {
    expect(studentCdf(Number.POSITIVE_INFINITY, 3)).toBe(1)
    expect(studentCdf(Number.NEGATIVE_INFINITY, 3)).toBe(0)
  })
})
