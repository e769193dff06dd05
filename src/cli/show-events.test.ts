import { expect, test } from 'vitest'
import type { FitEvent } from '../comparison/choose-strategy.ts'
import type { Progress } from './progress.ts'
import { showEvent } from './show-events.ts'

function shown(event: FitEvent): unknown[] {
  const calls: unknown[] = []
  const progress: Progress = {
    update: (...update) => calls.push(update),
    line: (text) => calls.push(text),
    finish: () => calls.push('finish'),
  }
  showEvent(event, progress)
  return calls
}

const accuracy = { mean: 0.912, low: 0.85, high: 0.95, confidence: 0.95 }
const epoch = {
  type: 'epoch',
  phase: 'scratch, fold 1 of 5',
  epoch: 3,
  epochs: 8,
  trainingLoss: 0.4567,
  gradientNorm: 1,
  validationLoss: null,
  learningRate: 0.001,
} as const

test.each<[string, FitEvent, unknown[]]>([
  [
    'reading the training images',
    { type: 'decode', part: 'train', done: 2, total: 9 },
    [['reading images', 2, 9]],
  ],
  [
    'reading other images',
    { type: 'decode', part: 'test', done: 2, total: 9 },
    [['reading test images', 2, 9]],
  ],
  [
    'a skipped file',
    { type: 'skipped', file: 'cats/1.jpg', reason: 'the file is empty' },
    ['skipped cats/1.jpg: the file is empty'],
  ],
  [
    'an epoch with held-out images',
    { ...epoch, validationAccuracy: 0.875 },
    [['scratch, fold 1 of 5', 3, 8, 'loss 0.457, held out 87.5 %']],
  ],
  [
    'an epoch without',
    { ...epoch, validationAccuracy: null },
    [['scratch, fold 1 of 5', 3, 8, 'loss 0.457']],
  ],
  ['the start of a strategy', { type: 'strategy', name: 'scratch', status: 'started' }, []],
  [
    'a strategy that is done',
    { type: 'strategy', name: 'scratch', status: 'done', reason: null, accuracy },
    ['scratch: 91.2 % (85.0 % to 95.0 %)'],
  ],
  [
    'a strategy that was skipped',
    {
      type: 'strategy',
      name: 'transfer',
      status: 'skipped',
      reason: 'no backbone',
      accuracy: null,
    },
    ['transfer: skipped: no backbone'],
  ],
  ['a notice', { type: 'notice', sentence: 'few labels' }, ['few labels']],
  ['the verdict', { type: 'verdict', sentence: 'transfer is better' }, ['transfer is better']],
])('%s', (_, event, expected) => {
  expect(shown(event)).toEqual(expected)
})
