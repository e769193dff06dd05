import type { CurvePoint, RunRecord, StrategyRecord } from '../src/comparison/record.ts'
import { createRandom, type Random } from '../src/random.ts'
import type { DemoInput } from '../src/report/demo-input.ts'
import { accuracyInterval } from '../src/statistics/means.ts'
import { comparePaired } from '../src/statistics/paired.ts'
import { wilsonInterval } from '../src/statistics/proportions.ts'

// Made-up records for the tests of the reports.

/** A curve that rises towards `accuracy` in `epochs` epochs. */
function curve(random: Random, accuracy: number, epochs: number): CurvePoint[] {
  return Array.from({ length: epochs }, (_, i) => {
    const left = Math.exp((-4 * (i + 1)) / epochs)
    return {
      epoch: i + 1,
      trainingLoss: 0.05 + 1.3 * left + 0.02 * random.uniform(),
      validationLoss: 1.4 * left + 1.5 * (1 - accuracy) + 0.08 * random.uniform(),
      validationAccuracy: accuracy - 0.5 * left + 0.02 * (random.uniform() - 0.5),
      learningRate: 0.001,
    }
  })
}

export function strategy(
  name: string,
  accuracy: number,
  changes: Partial<StrategyRecord> = {},
): StrategyRecord {
  const random = createRandom(name)
  const folds = Array.from({ length: 5 }, (_, fold) => {
    const reached = Math.min(1, accuracy + 0.015 * random.normal())
    return {
      fold,
      accuracy: reached,
      seconds: 3,
      curve: curve(random, reached, 20 + random.integer(9)),
    }
  })
  return {
    name,
    status: 'done',
    reason: null,
    accuracy: accuracyInterval(
      folds.map((fold) => fold.accuracy),
      { testToTrain: 0.25, scored: 400 },
    ),
    seconds: 61.4,
    reusedUpTo: null,
    thawedFrom: null,
    folds,
    decisions: [],
    ...changes,
  }
}

export const skipped = (name: string, reason: string): StrategyRecord =>
  strategy(name, 0.5, { status: 'skipped', reason, accuracy: null, seconds: 0, folds: [] })

export function runRecord(changes: Partial<RunRecord> = {}): RunRecord {
  const classes = ['daisy', 'dandelion', 'rose', 'sunflower', 'tulip']
  const confusion = [
    [88, 7, 2, 2, 1],
    [4, 90, 0, 6, 0],
    [1, 0, 83, 1, 15],
    [0, 3, 1, 96, 0],
    [2, 1, 13, 0, 84],
  ]
  const { low, high } = wilsonInterval(441, 500)
  return {
    format: 1,
    status: 'done',
    graft: '0.1.0',
    created: '2026-03-02T09:14:00Z',
    startedIn: '/home/user',
    configuration: {
      backbone: 'resnet18.onnx',
      strategies: 'scratch,transfer',
      seed: 7,
      budget: '10m',
    },
    versions: { node: '20.20.0', 'onnxruntime-node': '1.30.0' },
    data: {
      path: 'flowers',
      kind: 'folder of class folders',
      classes,
      labelled: 400,
      unlabelled: 3200,
      test: 500,
      imageSize: { height: 224, width: 224, channels: 3 },
      skipped: [
        { file: 'flowers/rose/IMG_0042.jpg', reason: 'the file ends in the middle of the image' },
      ],
      fingerprint: 'sha256:5f1d9a0c',
    },
    backboneDigest: '9c1185a5',
    backbone: null,
    strategies: [
      strategy('scratch', 0.712),
      strategy('transfer', 0.893, {
        reusedUpTo: 'layer3',
        thawedFrom: 'layer4',
        decisions: [
          {
            sentence:
              'Reusing up to layer3 was 2.1 points better than up to layer4 (88.1 against 86.0 %).',
            kept: true,
          },
          { sentence: 'Thawing layer3 as well changed the accuracy by −0.2 points.', kept: false },
        ],
      }),
      skipped('pseudo-labels', 'there are no unlabelled images'),
    ],
    chosen: 'transfer',
    verdict: 'better',
    verdictSentence:
      'Transfer is better than training from scratch by 18.1 points (95 % interval 13.9 to 22.3).',
    test: {
      accuracy: 0.882,
      low,
      high,
      n: 500,
      logLoss: 0.3471,
      classes: classes.map((name, c) => ({
        class: name,
        recall: (confusion[c]?.[c] ?? 0) / 100,
        precision: 0.9,
        n: 100,
      })),
      confusion,
    },
    ...changes,
  }
}

export function demoInput(changes: Partial<DemoInput> = {}): DemoInput {
  const random = createRandom('demo')
  const seeds = Array.from({ length: 10 }, (_, seed) => {
    const scratch = 0.875 + 0.02 * random.normal()
    const grafted = 0.925 + 0.012 * random.normal()
    return {
      seed,
      scratch: { accuracy: scratch, curve: curve(random, scratch, 30) },
      grafted: { accuracy: grafted, curve: curve(random, grafted, 30) },
      sourceAccuracy: 0.91 + 0.005 * random.normal(),
    }
  })
  return {
    title: 'Shirts or T-shirts from 200 labels',
    classes: ['T-shirt/top', 'Shirt'],
    labels: 200,
    seeds,
    comparison: comparePaired(
      seeds.map(({ grafted }) => grafted.accuracy),
      seeds.map(({ scratch }) => scratch.accuracy),
    ),
    sampleImages: ['T-shirt/top', 'Shirt'].map((label) => ({
      label,
      pixels: Uint8Array.from({ length: 784 }, () => random.integer(256)),
    })),
    seconds: 94,
    dataSource: {
      name: 'Fashion-MNIST',
      licence: 'MIT',
      url: 'https://github.com/zalandoresearch/fashion-mnist',
    },
    ...changes,
  }
}
