import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { stratifiedFolds, stratifiedSplit } from './folds.ts'
import { indicesByClass } from './labels.ts'

/** At least one class has two images. */
const labellings = fc.array(fc.nat(4), { minLength: 6, maxLength: 80 })

const countOf = (labels: readonly number[], indices: readonly number[], label: number) =>
  indices.filter((i) => labels[i] === label).length

describe('stratifiedFolds', () => {
  test('validates each image once a repeat, except the only one of a class, and trains on all others', () => {
    fc.assert(
      fc.property(labellings, fc.integer({ min: 2, max: 8 }), fc.nat(), (labels, k, seed) => {
        const folds = stratifiedFolds(labels, k, createRandom(seed), 2)
        const classes = [...indicesByClass(labels).values()]
        const expected = classes.filter((indices) => indices.length > 1).flat()
        for (const repeat of [0, 1]) {
          const own = folds.filter((fold) => fold.repeat === repeat)
          const validated = own.flatMap(({ validation }) => validation)
          expect(validated.toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b))
        }
        for (const { train, validation } of folds) {
          expect([...train, ...validation].sort((a, b) => a - b)).toEqual([...labels.keys()])
        }
      }),
    )
  })

  test('gives folds that differ by at most one image, of each class and in all, and train on every class', () => {
    fc.assert(
      fc.property(labellings, fc.integer({ min: 2, max: 8 }), fc.nat(), (labels, k, seed) => {
        const folds = stratifiedFolds(labels, k, createRandom(seed))
        const spread = (counts: readonly number[]) => Math.max(...counts) - Math.min(...counts)
        expect(spread(folds.map(({ validation }) => validation.length))).toBeLessThanOrEqual(1)
        for (const label of new Set(labels)) {
          const counts = folds.map(({ validation }) => countOf(labels, validation, label))
          expect(spread(counts)).toBeLessThanOrEqual(1)
          for (const { train } of folds) expect(countOf(labels, train, label)).toBeGreaterThan(0)
        }
      }),
    )
  })

  test('lowers the number of folds to the smallest class, never below two, and ignores classes of one', () => {
    const foldsOf = (labels: number[]) => stratifiedFolds(labels, 5, createRandom(1)).length
    expect(foldsOf([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])).toBe(5)
    expect(foldsOf([0, 0, 0, 0, 0, 1, 1, 1])).toBe(3)
    expect(foldsOf([0, 0, 0, 0, 0, 1, 1])).toBe(2)
    expect(foldsOf([0, 0, 0, 0, 0, 1])).toBe(5)
  })

  test('shuffles anew in each repeat, and the same for the same seed', () => {
    const labels = Array.from({ length: 40 }, (_, i) => i % 2)
    const folds = stratifiedFolds(labels, 2, createRandom(1), 2)
    expect(folds.map(({ repeat, fold }) => [repeat, fold])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ])
    expect(folds[0]?.validation).not.toEqual(folds[2]?.validation)
    expect(stratifiedFolds(labels, 2, createRandom(1), 2)).toEqual(folds)
  })

  test('refuses what cannot be validated', () => {
    expect(() => stratifiedFolds([0, 1, 2], 5, createRandom(1))).toThrow('nothing to validate on')
    expect(() => stratifiedFolds([0, 0], 1, createRandom(1))).toThrow('at least 2')
    expect(() => stratifiedFolds([0, 0], 2, createRandom(1), 0)).toThrow('repeats')
  })
})

describe('stratifiedSplit', () => {
  test('validates the fraction of each class, at least one image, never all, none of a class of one', () => {
    const fractions = fc.double({ min: 0.01, max: 0.99, noNaN: true })
    fc.assert(
      fc.property(labellings, fractions, fc.nat(), (labels, fraction, seed) => {
        const { train, validation } = stratifiedSplit(labels, fraction, createRandom(seed))
        expect([...train, ...validation].sort((a, b) => a - b)).toEqual([...labels.keys()])
        for (const [label, { length }] of indicesByClass(labels)) {
          const count = countOf(labels, validation, label)
          const share = Math.round(length * fraction)
          expect(count).toBe(length === 1 ? 0 : Math.min(length - 1, Math.max(1, share)))
        }
      }),
    )
  })

  test.each([0, 1, -0.5, Number.NaN])('refuses the fraction %s', (fraction) => {
    expect(() => stratifiedSplit([0, 0], fraction, createRandom(1))).toThrow('between 0 and 1')
  })
})
