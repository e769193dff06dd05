import fc from 'fast-check'
import { Matrix, solve } from 'ml-matrix'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { leaveOneOutScore, withinNoise } from './leave-one-out.ts'

const penalties = [1e-3, 1e-2, 1e-1, 1, 10]

/** Features around a centre for each class. */
function drawn(n: number, d: number, classes: number, seed: number) {
  const random = createRandom(seed)
  const labels = Array.from({ length: n }, (_, i) => i % classes)
  const centres = Array.from({ length: classes }, () =>
    Array.from({ length: d }, () => random.normal()),
  )
  const features = labels.map((label) =>
    Array.from({ length: d }, (_, k) => (centres[label]?.[k] as number) + random.normal()),
  )
  return { features, labels }
}

/** Ridge regression with a free intercept, fitted to all rows but one, for every row: n fits by the normal equations. */
function refitted(
  features: readonly (readonly number[])[],
  labels: readonly number[],
  classes: number,
  ridge: number,
): number[][] {
  return features.map((held, index) => {
    const kept = (_: unknown, row: number) => row !== index
    const rows = features.filter(kept)
    const targets = labels
      .filter(kept)
      .map((label) => Array.from({ length: classes }, (_, k) => Number(k === label)))
    const x = new Matrix(rows)
    const [centre, level] = [x.mean('column'), new Matrix(targets).mean('column')]
    const [xc, yc] = [x.center('column'), new Matrix(targets).center('column')]
    const normal = xc.transpose().mmul(xc).add(Matrix.eye(held.length).mul(ridge))
    const weights = solve(normal, xc.transpose().mmul(yc))
    const moved = held.map((value, k) => value - (centre[k] as number))
    return Array.from(
      { length: classes },
      (_, k) =>
        (level[k] as number) + moved.reduce((sum, value, j) => sum + value * weights.get(j, k), 0),
    )
  })
}

/** The best of all penalties by brute force. */
function bruteForce(
  features: readonly (readonly number[])[],
  labels: readonly number[],
  classes: number,
) {
  const n = features.length
  const centred = new Matrix(features.map((row) => [...row])).center('column')
  // The mean eigenvalue of the Gram matrix is its trace over n.
  const meanEigenvalue = centred.clone().pow(2).sum() / n
  const target = (row: number, k: number) => Number(labels[row] === k)
  const total = new Matrix(
    features.map((_, row) => Array.from({ length: classes }, (_, k) => target(row, k))),
  )
    .center('column')
    .pow(2)
    .sum()
  const scores = penalties.map((penalty) => {
    const predictions = refitted(features, labels, classes, penalty * meanEigenvalue)
    let press = 0
    let right = 0
    predictions.forEach((row, i) => {
      row.forEach((value, k) => {
        press += (target(i, k) - value) ** 2
      })
      if (row.indexOf(Math.max(...row)) === labels[i]) right++
    })
    return { explained: 1 - press / total, accuracy: right / n, penalty }
  })
  return scores.reduce((best, score) => (score.explained > best.explained ? score : best))
}

describe('the closed form is the fit to all others, again and again', () => {
  const shapes = fc.record({
    classes: fc.integer({ min: 2, max: 4 }),
    extra: fc.integer({ min: 2, max: 10 }),
    d: fc.integer({ min: 1, max: 20 }),
    seed: fc.nat(1e6),
  })

  test('for more rows than features and for fewer', () => {
    fc.assert(
      fc.property(shapes, ({ classes, extra, d, seed }) => {
        const n = classes + extra
        const { features, labels } = drawn(n, d, classes, seed)
        const found = leaveOneOutScore(features, labels, classes)
        const expected = bruteForce(features, labels, classes)
        expect(found.explained).toBeCloseTo(expected.explained, 6)
        expect(found.penalty).toBe(expected.penalty)
        expect(found.accuracy).toBe(expected.accuracy)
      }),
      { numRuns: 30, seed: 1 },
    )
  })

  test('with constant and repeated features', () => {
    const { features, labels } = drawn(12, 3, 3, 5)
    const odd = features.map((row) => [...row, 4, row[0] as number, 0])
    const found = leaveOneOutScore(odd, labels, 3)
    const expected = bruteForce(odd, labels, 3)
    expect(found.explained).toBeCloseTo(expected.explained, 6)
    expect(found).toMatchObject({ penalty: expected.penalty, accuracy: expected.accuracy })
  })
})

test('telling features explain more than noise', () => {
  const { features, labels } = drawn(60, 5, 3, 2)
  const random = createRandom(9)
  const noise = features.map((row) => row.map(() => random.normal()))
  const good = leaveOneOutScore(features, labels, 3)
  const bad = leaveOneOutScore(noise, labels, 3)
  expect(good.explained).toBeGreaterThan(0.3)
  expect(good.accuracy).toBeGreaterThan(0.75)
  expect(bad.explained).toBeLessThan(0.05)
  expect(bad.accuracy).toBeLessThan(0.6)
})

test('features that never change explain nothing, and it is a number', () => {
  const constant = Array.from({ length: 6 }, () => [0, 3])
  const { explained, accuracy } = leaveOneOutScore(constant, [0, 1, 2, 0, 1, 2], 3)
  // The mean of the others misses by n / (n - 1), in every target.
  expect(explained).toBeCloseTo(1 - (6 / 5) ** 2, 9)
  expect(accuracy).toBe(0)
})

test('a class of one example, and two rows in all, still have scores', () => {
  const { features, labels } = drawn(7, 4, 2, 3)
  const single = leaveOneOutScore(features, [...labels.slice(0, 6), 2], 3)
  expect(Number.isFinite(single.explained)).toBe(true)
  const two = leaveOneOutScore(features.slice(0, 2), [0, 1], 2)
  expect(two.accuracy).toBe(0)
  expect(Number.isFinite(two.explained)).toBe(true)
})

test('features that are not finite explain nothing, and are not within the noise of any', () => {
  const { features, labels } = drawn(8, 4, 2, 3)
  const broken = features.map((row, i) => (i === 3 ? [...row.slice(1), Number.NaN] : row))
  const score = leaveOneOutScore(broken, labels, 2)
  expect(score).toMatchObject({ explained: -Infinity, evidence: -Infinity })
  expect(withinNoise(score, leaveOneOutScore(features, labels, 2))).toBe(false)
  expect(withinNoise(score, score)).toBe(false)
})

test('a class without an example changes neither score', () => {
  const { features, labels } = drawn(12, 4, 2, 3)
  expect(leaveOneOutScore(features, labels, 3)).toEqual(leaveOneOutScore(features, labels, 2))
})
