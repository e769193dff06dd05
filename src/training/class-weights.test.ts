import fc from 'fast-check'
import { expect, test } from 'vitest'
import { balancedWeights } from './class-weights.ts'

test('weights are those of scikit-learn: n / (classes * examples of the class)', () => {
  // compute_class_weight('balanced', classes=[0, 1, 2], y=[0, 0, 0, 1, 1, 2]) of scikit-learn 1.2
  expect(balancedWeights([0, 0, 0, 1, 1, 2], 3)).toEqual([2 / 3, 1, 2])
})

test('classes count alike, and the mean over the examples is 1, even where a class has none', () => {
  const labels = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(labels, (drawn) => {
      const weights = balancedWeights(Int32Array.from(drawn), 6)
      const shares = new Map<number, number>()
      for (const label of drawn) {
        shares.set(label, (shares.get(label) ?? 0) + (weights[label] as number))
      }
      const share = drawn.length / shares.size
      for (const value of shares.values()) expect(value).toBeCloseTo(share, 9)
      for (const weight of weights) expect(Number.isFinite(weight)).toBe(true)
    }),
  )
})
