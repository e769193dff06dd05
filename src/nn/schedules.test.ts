import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, type Encoded, readGolden } from '../../testing/golden.ts'
import { constantRate, cosine, oneCycle, type Schedule, warmUp } from './schedules.ts'

const golden = await readGolden<Record<string, Encoded>>('schedules')
const ratesOf = (schedule: Schedule, steps: number, count = steps) =>
  Array.from({ length: count }, (_, step) => schedule(step, steps))

function expectClose(actual: readonly number[], reference: Encoded): void {
  const expected = Array.from(decode(reference).data, Number)
  expect(actual).toHaveLength(expected.length)
  actual.forEach((rate, step) => {
    expect(rate, `step ${step}`).toBeCloseTo(expected[step] as number, 6)
  })
}

describe('rates are those of PyTorch', () => {
  test('CosineAnnealingLR over 12 steps', () => {
    expectClose(ratesOf(cosine, 12, 13), golden.cosine as Encoded)
  })

  test('OneCycleLR over 20 steps', () => {
    // PyTorch puts the peak at step 0.3 * 20 - 1 of the 19 that are left, and ends at 1e-4 of the start.
    const schedule = oneCycle({ rise: 5 / 19, start: 1 / 25, end: 1e-4 / 25 })
    expectClose(ratesOf(schedule, 20), golden.oneCycle as Encoded)
  })
})

const steps = fc.integer({ min: 2, max: 300 })

test('a cosine falls from 1 and has almost arrived at 0 with the last step', () => {
  fc.assert(
    fc.property(steps, (count) => {
      const rates = ratesOf(cosine, count)
      expect(rates[0]).toBe(1)
      expect(rates).toEqual(rates.toSorted((a, b) => b - a))
      expect(rates.at(-1)).toBeCloseTo((1 - Math.cos(Math.PI / count)) / 2, 12)
      expect(cosine(count, count)).toBeCloseTo(0, 12)
    }),
  )
})

test('one cycle rises from its start to 1 and falls to its end, for any number of steps', () => {
  const rise = fc.constantFrom(0, 0.3, 0.5, 1)
  fc.assert(
    fc.property(steps, rise, (count, part) => {
      const rates = ratesOf(oneCycle({ rise: part, start: 0.1, end: 0.01 }), count)
      const peak = part * (count - 1)
      const [up, down] = [rates.slice(0, Math.floor(peak) + 1), rates.slice(Math.ceil(peak))]
      expect(up).toEqual(up.toSorted((a, b) => a - b))
      expect(down).toEqual(down.toSorted((a, b) => b - a))
      if (part > 0) expect(rates[0]).toBeCloseTo(0.1, 12)
      expect(rates.at(-1)).toBeCloseTo(part === 1 ? 1 : 0.01, 12)
      for (const rate of rates) expect(rate).toBeLessThanOrEqual(1)
    }),
  )
})

test('a schedule of one step has a rate above zero', () => {
  for (const schedule of [constantRate, cosine, oneCycle(), warmUp(5, cosine)]) {
    expect(schedule(0, 1)).toBeGreaterThan(0)
    expect(schedule(0, 1)).toBeLessThanOrEqual(1)
  }
})

test('a warm-up is a straight line, and then the other schedule from its beginning', () => {
  const schedule = warmUp(4, cosine)
  expect(ratesOf(schedule, 14, 4)).toEqual([0.2, 0.4, 0.6, 0.8])
  expect(ratesOf(schedule, 14).slice(4)).toEqual(ratesOf(cosine, 10))
  expect(warmUp(3)(7, 10)).toBe(1)
})
