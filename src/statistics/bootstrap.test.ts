import { describe, expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { bootstrapInterval, bootstrapMean } from './bootstrap.ts'
import { meanInterval } from './means.ts'
import { median } from './summaries.ts'

describe('bootstrapInterval', () => {
  const random = createRandom(7)
  const values = Array.from({ length: 200 }, () => random.normal())

  it('is the same for the same seed and differs with another', () => {
    const one = bootstrapMean(values, { random: createRandom(1) })
    expect(bootstrapMean(values, { random: createRandom(1) })).toEqual(one)
    expect(bootstrapMean(values, { random: createRandom(2) })).not.toEqual(one)
  })

  it('of a mean of many values comes close to the t interval', () => {
    const bootstrap = bootstrapMean(values, { random: createRandom(3) })
    const student = meanInterval(values)
    expect(Math.abs(bootstrap.low - student.low)).toBeLessThan(0.02)
    expect(Math.abs(bootstrap.high - student.high)).toBeLessThan(0.02)
  })

  it('takes any statistic of any values', () => {
    const rows = values.map((value) => ({ value }))
    const { low, mean, high } = bootstrapInterval(rows, {
      statistic: (sample) => median(sample.map((row) => row.value)),
      random: createRandom(4),
      resamples: 500,
      confidence: 0.9,
    })
    expect(mean).toBe(median(values))
    expect(low).toBeLessThan(mean)
    expect(high).toBeGreaterThan(mean)
  })

  it('covers the mean of a skewed population nearly as often as it says', () => {
    const draws = createRandom('exponential')
    const covered = Array.from({ length: 300 }, () => {
      const sample = Array.from({ length: 40 }, () => -Math.log(1 - draws.uniform()))
      const { low, high } = bootstrapMean(sample, { random: draws, resamples: 300 })
      return low <= 1 && 1 <= high
    })
    const share = covered.filter(Boolean).length / covered.length
    expect(share).toBeGreaterThan(0.88)
    expect(share).toBeLessThan(0.98)
  })
})
