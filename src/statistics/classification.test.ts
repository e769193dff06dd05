import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  argmax,
  calibrationError,
  confusionMatrix,
  logLoss,
  recallPrecision,
} from './classification.ts'

describe('confusion', () => {
  it('has true classes in rows and predicted ones in columns', () => {
    expect(confusionMatrix([0, 0, 1, 2], [0, 1, 1, 1], 3)).toEqual([
      [1, 1, 0],
      [0, 1, 0],
      [0, 1, 0],
    ])
  })

  it('gives recall and precision, and null where there is nothing to divide by', () => {
    expect(
      recallPrecision([
        [3, 1, 0],
        [2, 2, 0],
        [0, 0, 0],
      ]),
    ).toEqual([
      { recall: 0.75, precision: 0.6, n: 4 },
      { recall: 0.5, precision: 2 / 3, n: 4 },
      { recall: null, precision: null, n: 0 },
    ])
  })

  it('counts every image once', () => {
    const pairs = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 4 })))
    fc.assert(
      fc.property(pairs, (images) => {
        const matrix = confusionMatrix(
          images.map(([label]) => label),
          images.map(([, prediction]) => prediction),
          5,
        )
        expect(matrix.flat().reduce((x, y) => x + y)).toBe(images.length)
      }),
    )
  })

  it('refuses classes and lengths that do not fit', () => {
    expect(() => confusionMatrix([0], [3], 2)).toThrow('not one of 2')
    expect(() => confusionMatrix([0, 1], [0], 2)).toThrow('1 predictions by 2 labels')
  })
})

describe('logLoss', () => {
  const rows = [
    [0.7, 0.2, 0.1],
    [0.1, 0.8, 0.1],
    [0.3, 0.3, 0.4],
    [0.05, 0.05, 0.9],
  ]

  it('agrees with sklearn.metrics.log_loss (scikit-learn 1.2.1)', () => {
    expect(logLoss(rows, [0, 1, 0, 2])).toBeCloseTo(0.4722879538091761, 12)
  })

  it('is ln(classes) for a model that knows nothing, and finite for one that is surely wrong', () => {
    expect(logLoss([new Float64Array(4).fill(0.25)], [3])).toBeCloseTo(Math.log(4), 12)
    expect(logLoss([[1, 0]], [1])).toBeCloseTo(52 * Math.LN2, 12)
  })

  it('refuses missing images and classes', () => {
    expect(() => logLoss([], [])).toThrow('without images')
    expect(() => logLoss([[1, 0]], [2])).toThrow('no class 2')
  })
})

describe('calibrationError', () => {
  it('is zero when 80 % sure is right in 80 % of the images', () => {
    const rows = Array.from({ length: 10 }, () => [0.8, 0.2])
    expect(calibrationError(rows, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1])).toBeCloseTo(0, 12)
  })

  it('is the gap when 90 % sure is right in half of the images', () => {
    expect(
      calibrationError(
        [
          [0.9, 0.1],
          [0.9, 0.1],
        ],
        [0, 1],
      ),
    ).toBeCloseTo(0.4, 12)
  })

  it('weights bins by their images (worked by hand)', () => {
    // Three images at 0.95, all right: gap 0.05. One at 0.55, wrong: gap 0.55. (3 * 0.05 + 0.55) / 4.
    const rows = [
      [0.95, 0.05],
      [0.05, 0.95],
      [0.95, 0.05],
      [0.55, 0.45],
    ]
    expect(calibrationError(rows, [0, 1, 0, 1], 10)).toBeCloseTo(0.175, 12)
  })
})

it('argmax takes the first of equals', () => {
  expect(argmax([1, 3, 3, 2])).toBe(1)
})
