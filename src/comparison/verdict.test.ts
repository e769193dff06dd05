import { describe, expect, test } from 'vitest'
import type { StrategyRecord } from './record.ts'
import { judge } from './verdict.ts'

function strategy(name: string, accuracies: number[], status: StrategyRecord['status'] = 'done') {
  const mean = accuracies.reduce((a, b) => a + b, 0) / Math.max(accuracies.length, 1)
  return {
    name,
    status,
    reason: status === 'done' ? null : 'no backbone',
    accuracy: status === 'done' ? { mean, low: mean, high: mean, confidence: 0.95 } : null,
    seconds: 1,
    reusedUpTo: null,
    thawedFrom: null,
    folds: accuracies.map((accuracy, fold) => ({ fold, accuracy, seconds: 1, curve: [] })),
    decisions: [],
  } satisfies StrategyRecord
}

const scratch = strategy('scratch', [0.5, 0.54, 0.48, 0.52, 0.5])

describe('the verdict', () => {
  test('is "better" where the best is reliably ahead of the next, with the numbers', () => {
    const transfer = strategy('transfer', [0.9, 0.92, 0.89, 0.9, 0.91])
    const judgement = judge([scratch, transfer], 0.25)
    // Differences 40, 38, 41, 38 and 41 points: mean 39.6, standard deviation 1.517; t(4) is 2.776 at 97.5 %,
    // and the corrected standard error 1.517 * sqrt(1 / 5 + 1 / 4) = 1.0175.
    expect(judgement).toEqual({
      chosen: transfer,
      verdict: 'better',
      sentence:
        'transfer is better than scratch by 39.6 points (95 % interval 36.8 to 42.4, 5 folds).',
    })
  })

  test('is "no reliable difference" where folds disagree', () => {
    const transfer = strategy('transfer', [0.6, 0.5, 0.55, 0.45, 0.6])
    const judgement = judge([scratch, transfer], 0.25)
    expect(judgement?.chosen).toBe(transfer)
    expect(judgement?.verdict).toBe('no reliable difference')
    expect(judgement?.sentence).toMatch(
      /^transfer came out ahead of scratch by 3\.2 points \(95 % interval -\d+\.\d to \d+\.\d, 5 folds\), which may be chance\.$/,
    )
  })

  test('goes by the folds that all were measured on, and is never for the one that is behind', () => {
    const early = [0.9, 0.7, 0.8, 0.9, 0.7]
    const repeated = strategy('scratch', [...early, ...Array(10).fill(0.5)])
    const once = strategy('transfer', [0.8, 0.61, 0.7, 0.79, 0.6])
    const judgement = judge([repeated, once], 0.25)
    expect(judgement?.chosen).toBe(repeated)
    expect(judgement?.sentence).toMatch(/^scratch is better than transfer by 10\.0 points/)
  })

  test('of the best two, the one that is ahead on all folds that these share', () => {
    const [a, b] = [
      strategy('a', [0.9, 0.9, ...Array(8).fill(0.6)]),
      strategy('b', [0.8, 0.8, ...Array(8).fill(0.9)]),
    ]
    const judgement = judge([a, b, strategy('c', [0.1, 0.1])], 0.25)
    expect(judgement?.chosen).toBe(b)
    expect(judgement?.sentence).toContain('b came out ahead of a by 22.0 points')
  })

  test('compares the two best, whatever the order and however bad the third', () => {
    const [first, second] = [
      strategy('transfer', [0.9, 0.92, 0.89, 0.9, 0.91]),
      strategy('autoencoder', [0.9, 0.91, 0.9, 0.9, 0.9]),
    ]
    for (const order of [
      [scratch, second, first],
      [first, scratch, second],
    ]) {
      const judgement = judge(order, 0.25)
      expect(judgement?.chosen).toBe(first)
      expect(judgement?.verdict).toBe('no reliable difference')
      expect(judgement?.sentence).toContain('ahead of autoencoder by 0.2 points')
    }
  })

  test('names what is reliably worse than the first, and nothing else', () => {
    const harmful = strategy('autoencoder', [0.3, 0.33, 0.29, 0.3, 0.31])
    const harmless = strategy('rotation', [0.5, 0.5, 0.5, 0.5, 0.52])
    const judgement = judge([scratch, harmful, harmless], 0.25)
    expect(judgement?.chosen).toBe(scratch)
    expect(judgement?.sentence).toMatch(
      /^scratch came out ahead of rotation by .* which may be chance\. autoencoder is worse than scratch by 20\.2 points \(95 % interval 17\.\d to 22\.\d, 5 folds\)\.$/,
    )
    // Of two, the verdict itself says it.
    expect(judge([scratch, harmful], 0.25)?.sentence).toMatch(
      /^scratch is better than autoencoder by 20\.2 points \([^)]*\)\.$/,
    )
  })

  test('does not call a tie a lead', () => {
    const same = strategy('transfer', [0.54, 0.5, 0.5, 0.48, 0.52])
    const judgement = judge([scratch, same], 0.25)
    expect(judgement?.verdict).toBe('no reliable difference')
    expect(judgement?.chosen).toBe(scratch)
    expect(judgement?.sentence).toMatch(/^scratch and transfer came out equal \(95 % interval/)
  })

  test('says that there was nothing to compare with, where only one was done', () => {
    const skipped = strategy('transfer', [], 'skipped')
    expect(judge([skipped, scratch], 0.25)).toEqual({
      chosen: scratch,
      verdict: 'no reliable difference',
      sentence: 'Only scratch could be tried, so there is nothing to compare it with.',
    })
  })

  test('is null where none was done', () => {
    expect(judge([], 0.25)).toBeNull()
    expect(judge([strategy('scratch', [], 'failed')], 0.25)).toBeNull()
  })

  test('of a single fold is never "better"', () => {
    const judgement = judge([strategy('scratch', [0.1]), strategy('transfer', [0.9])], 0.25)
    expect(judgement?.verdict).toBe('no reliable difference')
  })
})
