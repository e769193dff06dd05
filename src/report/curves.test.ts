import { expect, it } from 'vitest'
import type { CurvePoint } from '../comparison/record.ts'
import { linePoints, meanPoints, span } from './curves.ts'
import { integerTicks } from './epoch-plot.ts'

const curve = (...losses: (number | null)[]): CurvePoint[] =>
  losses.map((validationLoss, i) => ({
    epoch: i + 1,
    trainingLoss: 1,
    validationLoss,
    validationAccuracy: null,
    learningRate: 0.1,
  }))

it('the mean curve ends with the first fold, instead of jumping to those that go on', () => {
  expect(meanPoints([curve(2, 1), curve(4, 3, 9)], 'validationLoss')).toEqual([
    { epoch: 1, mean: 3, low: 2, high: 4 },
    { epoch: 2, mean: 2, low: 1, high: 3 },
  ])
})

it('what was not measured or is not finite is left out', () => {
  expect(linePoints([curve(1, null, Number.NaN, 2)], 'validationLoss')).toEqual([
    { run: 0, epoch: 1, value: 1 },
    { run: 0, epoch: 4, value: 2 },
  ])
  expect(meanPoints([], 'validationLoss')).toEqual([])
})

it('a span holds its values, has a width, and keeps to its limits', () => {
  expect(span([0.2, 0.8, Number.NaN], 0, 1)).toEqual([0.188, 0.812])
  expect(span([1, 1], 0, 1)).toEqual([0.995, 1])
  expect(span([Number.NaN], 0, 1)).toBeNull()
})

it.each([
  [1, 5, [1, 2, 3, 4, 5]],
  [1, 30, [10, 20, 30]],
  [0, 100, [0, 20, 40, 60, 80, 100]],
  [3, 3, [3]],
])('ticks from epoch %d to %d are whole numbers', (first, last, ticks) =>
  expect(integerTicks(first, last)).toEqual(ticks),
)
