import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { accuracyInterval, correctedResampledInterval, meanInterval } from './means.ts'
import { clopperPearson, wilsonInterval } from './proportions.ts'

const width = ({ low, high }: { low: number; high: number }) => high - low

describe('intervals of a proportion', () => {
  // scipy.stats.binomtest(k, n).proportion_ci(confidence, method), SciPy 1.10.1. 81 of 263 and 15 of 148 are the
  // examples of Newcombe (Statistics in Medicine 17, 1998). The exact end of 50 of 50 is 0.005^(1/50), of which SciPy's
  // root finder has six digits.
  it.each([
    [0, 10, 0.95, [0, 0.27753279986288926], [0, 0.30849710781876294]],
    [
      1,
      10,
      0.95,
      [0.017876213095072896, 0.4041500267952385],
      [0.0025285785444625728, 0.44501611702819543],
    ],
    [
      81,
      263,
      0.95,
      [0.2552885198782742, 0.36620957698280004],
      [0.25273674558504283, 0.3676219226013475],
    ],
    [
      15,
      148,
      0.95,
      [0.06238639953073629, 0.16048724172330803],
      [0.05784401008344803, 0.16165049034947895],
    ],
    [50, 50, 0.99, [0.8828479082823721, 1], [0.8994549166252374, 1]],
    [
      1867,
      2000,
      0.95,
      [0.9217283654429758, 0.943609554564178],
      [0.921681127437653, 0.9440275201001879],
    ],
  ] as const)('%d of %d at %d agree with SciPy', (successes, n, confidence, wilson, exact) => {
    const score = wilsonInterval(successes, n, confidence)
    const clopper = clopperPearson(successes, n, confidence)
    expect(score.low).toBeCloseTo(wilson[0], 12)
    expect(score.high).toBeCloseTo(wilson[1], 12)
    expect(clopper.low).toBeCloseTo(exact[0], 10)
    expect(clopper.high).toBeCloseTo(exact[1], 10)
    expect(score.mean).toBe(successes / n)
  })

  it('hold the estimate, stay in [0, 1], shrink with n and grow with confidence', () => {
    const counts = fc
      .integer({ min: 1, max: 500 })
      .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)))
    fc.assert(
      fc.property(counts, fc.constantFrom(wilsonInterval, clopperPearson), ([k, n], interval) => {
        const one = interval(k, n)
        expect(0 <= one.low && one.low <= one.mean).toBe(true)
        expect(one.mean <= one.high && one.high <= 1).toBe(true)
        expect(width(one)).toBeGreaterThan(0)
        expect(width(interval(3 * k, 3 * n))).toBeLessThan(width(one))
        expect(width(interval(k, n, 0.8))).toBeLessThan(width(one))
      }),
    )
  })

  it('cover as often as they say: exactly, over all outcomes of 40 images', () => {
    const n = 40
    const coverage = (interval: typeof wilsonInterval, p: number) => {
      let pmf = (1 - p) ** n
      let covered = 0
      for (let k = 0; k <= n; k++) {
        const { low, high } = interval(k, n)
        if (low <= p && p <= high) covered += pmf
        pmf *= ((n - k) / (k + 1)) * (p / (1 - p))
      }
      return covered
    }
    const proportions = Array.from({ length: 49 }, (_, i) => (i + 1) / 50)
    const wilson = proportions.map((p) => coverage(wilsonInterval, p))
    const exact = proportions.map((p) => coverage(clopperPearson, p))
    expect(wilson.reduce((a, b) => a + b) / wilson.length).toBeCloseTo(0.95, 1.5)
    expect(Math.min(...wilson)).toBeGreaterThan(0.9)
    expect(Math.min(...exact)).toBeGreaterThanOrEqual(0.95)
  })

  it('need images and a confidence between 0 and 1', () => {
    expect(() => wilsonInterval(0, 0)).toThrow('not a proportion')
    expect(() => clopperPearson(3, 2)).toThrow('not a proportion')
    expect(() => wilsonInterval(1, 2, 95)).toThrow('between 0 and 1')
  })
})

describe('intervals of a mean', () => {
  const scores = [0.81, 0.84, 0.79, 0.88, 0.83]

  it('t interval as scipy.stats.ttest_1samp(...).confidence_interval (SciPy 1.10.1)', () => {
    const { low, mean, high } = meanInterval(scores)
    expect(mean).toBeCloseTo(0.83, 12)
    expect(low).toBeCloseTo(0.7878931251800768, 10)
    expect(high).toBeCloseTo(0.8721068748199229, 10)
  })

  it('five folds have 1.5 times the plain standard error, since 1/5 + 1/4 is 2.25 times 1/5', () => {
    const plain = meanInterval(scores)
    const corrected = correctedResampledInterval(scores, { testToTrain: 1 / 4 })
    expect(width(corrected)).toBeCloseTo(1.5 * width(plain), 10)
    expect(corrected.low).toBeCloseTo(0.7668396877701154, 10) // formula evaluated with SciPy's t
  })

  it('one value says nothing of its spread', () => {
    expect(meanInterval([0.9])).toMatchObject({ low: -Infinity, mean: 0.9, high: Infinity })
    expect(accuracyInterval([0.9], { testToTrain: 0.25, scored: 10 })).toMatchObject({
      low: 0,
      high: 1,
    })
  })

  it('folds that are all right still count only as many images as they scored', () => {
    const { low, mean, high } = accuracyInterval([1, 1, 1], { testToTrain: 1 / 2, scored: 12 })
    expect(mean).toBe(1)
    expect(high).toBe(1)
    expect(low).toBeCloseTo(wilsonInterval(12, 12).low, 12)
  })

  it('accuracy intervals hold the mean, the other intervals, and stay in [0, 1]', () => {
    const folds = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: 2,
      maxLength: 12,
    })
    fc.assert(
      fc.property(folds, fc.integer({ min: 12, max: 999 }), (accuracies, scored) => {
        const testToTrain = 1 / (accuracies.length - 1)
        const interval = accuracyInterval(accuracies, { testToTrain, scored })
        const corrected = correctedResampledInterval(accuracies, { testToTrain })
        expect(interval.low).toBeGreaterThanOrEqual(0)
        expect(interval.high).toBeLessThanOrEqual(1)
        expect(interval.low).toBeLessThanOrEqual(Math.max(0, corrected.low))
        expect(interval.high).toBeGreaterThanOrEqual(Math.min(1, corrected.high))
        expect(interval.low <= interval.mean && interval.mean <= interval.high).toBe(true)
      }),
    )
  })

  it('covers the accuracy of a real learner, where the plain t interval claims too much', () => {
    // Two normal classes one apart; the learner puts its threshold between the class means of its training part.
    // Ten random splits of 60 examples, 30 of them for training: the resampling of the paper.
    const random = createRandom('coverage of resampled accuracy')
    const experiments = Array.from({ length: 600 }, () => {
      const sample = Array.from({ length: 60 }, (_, i) => ({
        label: i % 2,
        x: random.normal() + (i % 2),
      }))
      return Array.from({ length: 10 }, () => {
        const shuffled = random.shuffle(sample)
        const training = shuffled.slice(0, 30)
        const centre = (label: number) => {
          const own = training.filter((example) => example.label === label)
          return own.reduce((sum, { x }) => sum + x, 0) / own.length
        }
        const threshold = (centre(0) + centre(1)) / 2
        const rest = shuffled.slice(30)
        return rest.filter(({ x, label }) => x > threshold === (label === 1)).length / rest.length
      })
    })
    const all = experiments.flat()
    const truth = all.reduce((a, b) => a + b) / all.length
    const coverage = (interval: (scores: number[]) => { low: number; high: number }) =>
      experiments.map(interval).filter(({ low, high }) => low <= truth && truth <= high).length /
      experiments.length
    expect(coverage((s) => meanInterval(s))).toBeLessThan(0.85)
    const corrected = coverage((s) => correctedResampledInterval(s, { testToTrain: 1 }))
    expect(corrected).toBeGreaterThan(0.92)
    expect(corrected).toBeLessThan(0.999)
  })
})
