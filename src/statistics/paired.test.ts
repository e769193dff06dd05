import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { comparePaired, holmAdjusted, mcnemarExact } from './paired.ts'

const a = [0.91, 0.94, 0.89, 0.93, 0.92, 0.9]
const b = [0.88, 0.91, 0.9, 0.89, 0.9, 0.87]

describe('comparePaired', () => {
  it('plain: as scipy.stats.ttest_rel and its confidence_interval (SciPy 1.10.1)', () => {
    const result = comparePaired(a, b)
    expect(result.difference).toBeCloseTo(0.023333333333333428, 12)
    expect(result.low).toBeCloseTo(0.0049557205932584565, 10)
    expect(result.high).toBeCloseTo(0.04171094607340821, 10)
    expect(result.pValue).toBeCloseTo(0.02235222408799471, 10)
    expect(result).toMatchObject({ pairs: 6, confidence: 0.95, reliable: true })
  })

  it('the same scores from six folds prove less (formula evaluated with SciPy)', () => {
    const result = comparePaired(a, b, { testToTrain: 1 / 5 })
    expect(result.low).toBeCloseTo(-0.003925071426541322, 10)
    expect(result.high).toBeCloseTo(0.050591738093207994, 10)
    expect(result.pValue).toBeCloseTo(0.07905096517648186, 10)
    expect(result.reliable).toBe(false)
  })

  it('one pair is never reliable, however large its difference', () => {
    expect(comparePaired([1], [0])).toMatchObject({
      difference: 1,
      low: -1,
      high: 1,
      pValue: 1,
      reliable: false,
    })
  })

  it('equal differences in few independent pairs prove nothing; six do', () => {
    const gain = (n: number, testToTrain = 0) =>
      comparePaired(new Array(n).fill(0.9), new Array(n).fill(0.8), { testToTrain })
    expect(gain(2)).toMatchObject({ pValue: 0.5, reliable: false, low: -1, high: 1 })
    expect(gain(5)).toMatchObject({ pValue: 2 ** -4, reliable: false })
    expect(gain(6)).toMatchObject({ pValue: 2 ** -5, reliable: true })
    expect(gain(6).low).toBeCloseTo(0.1, 12)
    expect(gain(6).high).toBeCloseTo(0.1, 12)
    // Ten folds hold at most as much as 1 / (1/10 + 1/9) = 4.7 independent pairs.
    expect(gain(10, 1 / 9)).toMatchObject({ reliable: false, low: -1, high: 1 })
  })

  it('equal scores are no difference, without NaN', () => {
    expect(comparePaired(a, a)).toMatchObject({ difference: 0, pValue: 1, reliable: false })
  })

  it('losses may differ by more than one', () => {
    const options = { largest: Number.POSITIVE_INFINITY }
    expect(comparePaired([9, 7, 8], [1, 2, 3], options).high).toBeGreaterThan(8)
    expect(comparePaired([9], [1], options).high).toBe(Number.POSITIVE_INFINITY)
  })

  it('cannot pair what is not paired', () => {
    expect(() => comparePaired([1, 2], [1])).toThrow('cannot pair 2 scores with 1')
    expect(() => comparePaired([], [])).toThrow('cannot pair')
  })

  const scores = fc
    .integer({ min: 1, max: 12 })
    .chain((n) =>
      fc.tuple(
        ...([0, 1] as const).map(() =>
          fc.array(fc.integer({ min: 0, max: 20 }), { minLength: n, maxLength: n }),
        ),
      ),
    )

  it('is reliable just when the interval leaves out zero, and turns round with its arguments', () => {
    fc.assert(
      fc.property(scores, fc.constantFrom(0, 0.25), ([x, y], testToTrain) => {
        const first = (x as number[]).map((count) => count / 20)
        const second = (y as number[]).map((count) => count / 20)
        const result = comparePaired(first, second, { testToTrain })
        const turned = comparePaired(second, first, { testToTrain })
        expect(result.low <= result.difference && result.difference <= result.high).toBe(true)
        expect(result.reliable).toBe(result.low > 0 || result.high < 0)
        expect(result.pValue).toBeGreaterThanOrEqual(0)
        expect(result.pValue).toBeLessThanOrEqual(1)
        expect(turned.low).toBeCloseTo(-result.high, 12)
        expect(turned.pValue).toBeCloseTo(result.pValue, 12)
      }),
    )
  })

  it('calls equally good methods different in about one of twenty experiments', () => {
    const random = createRandom('false alarms')
    const draw = () => Array.from({ length: 8 }, () => 0.8 + 0.05 * random.normal())
    const alarms = Array.from({ length: 1000 }, () => comparePaired(draw(), draw()).reliable)
    const share = alarms.filter(Boolean).length / alarms.length
    expect(share).toBeGreaterThan(0.03)
    expect(share).toBeLessThan(0.07)
  })
})

describe('mcnemarExact', () => {
  // scipy.stats.binomtest(onlyA, onlyA + onlyB).pvalue, SciPy 1.10.1
  it.each([
    [1, 9, 0.021484375],
    [5, 5, 1],
    [0, 6, 0.03125],
    [12, 30, 0.007915897334896727],
    [59, 6, 4.964650327128616e-12],
    [0, 0, 1],
  ])('%d against %d images agree with SciPy', (onlyA, onlyB, expected) => {
    const both = new Array<boolean>(20).fill(true)
    const times = (n: number, value: boolean) => new Array<boolean>(n).fill(value)
    const result = mcnemarExact(
      [...both, ...times(onlyA, true), ...times(onlyB, false)],
      [...both, ...times(onlyA, false), ...times(onlyB, true)],
    )
    expect(result).toMatchObject({ onlyA, onlyB })
    expect(Math.abs(result.pValue - expected)).toBeLessThanOrEqual(1e-9 * expected)
  })

  it('needs the same images', () => {
    expect(() => mcnemarExact([true], [])).toThrow('cannot pair')
  })
})

const probabilities = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 })

describe('holmAdjusted', () => {
  it('multiplies the smallest by the number of tests, the next by one less, and never falls', () => {
    const adjusted = holmAdjusted([0.01, 0.04, 0.03, 0.005])
    expect(adjusted).toHaveLength(4)
    for (const [i, expected] of [0.03, 0.06, 0.06, 0.02].entries())
      expect(adjusted[i]).toBeCloseTo(expected, 12)
  })

  it('rejects what the procedure rejects that stops at the first p value above alpha / (m - k + 1)', () => {
    fc.assert(
      fc.property(
        probabilities,
        fc.double({ min: 0.001, max: 0.5, noNaN: true }),
        (values, alpha) => {
          const ascending = values.toSorted((a, b) => a - b)
          const stop = ascending.findIndex((p, k) => p * (values.length - k) >= alpha)
          const rejected = stop < 0 ? values.length : stop
          expect(holmAdjusted(values).filter((p) => p < alpha)).toHaveLength(rejected)
        },
      ),
    )
  })

  it('lies between the p value itself and that of Bonferroni, and keeps the order', () => {
    fc.assert(
      fc.property(probabilities, (values) => {
        const adjusted = holmAdjusted(values)
        for (const [i, p] of values.entries()) {
          expect(adjusted[i]).toBeGreaterThanOrEqual(p)
          expect(adjusted[i]).toBeLessThanOrEqual(Math.min(1, p * values.length))
          for (const [j, q] of values.entries())
            if (p <= q) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j] as number)
        }
      }),
    )
  })

  it('refuses what is no probability', () => {
    expect(() => holmAdjusted([0.5, 1.1])).toThrow('lies between 0 and 1, not at 1.1')
    expect(() => holmAdjusted([Number.NaN])).toThrow('not at NaN')
  })
})
