import { type Batch, batches } from '../data/batches.ts'
import { GraftError } from '../errors.ts'
import type { Random } from '../random.ts'
import { mean } from '../statistics/summaries.ts'
import { batchFeeds, type LabelledExamples } from './batch-feeds.ts'
import type { StepBatch, TrainingStep } from './step.ts'

/** One step of a range test, in order. */
export type RateEvent = {
  readonly type: 'rate'
  /** From 1. */
  readonly step: number
  /** How many there are to be, if the loss does not explode before. */
  readonly steps: number
  readonly learningRate: number
  readonly loss: number
  /** A moving mean of the losses so far, corrected for its start. */
  readonly smoothedLoss: number
}

export type RateRange = {
  /** The rate to train with; null where the loss only rose. */
  readonly learningRate: number | null
  /** Whether the loss exploded; if it did not, the highest rate was too low to see where it would. */
  readonly diverged: boolean
  readonly curve: readonly RateEvent[]
}

export type RateRangeOptions = LabelledExamples & {
  readonly step: TrainingStep
  /** The examples to train on. */
  readonly train: readonly number[]
  /** The first rate; default 1e-6. */
  readonly lowest?: number
  /** The last; default 1. */
  readonly highest?: number
  /** Steps, at rates that grow by the same factor from one to the next; default 100. */
  readonly steps?: number
  readonly random: Random
}

/** What a step leaves of the mean of the losses before it. */
const smoothing = 0.9
/** The mean of fewer losses is not judged: one batch may be easy by chance. */
const settled = 10
/** The loss has exploded where its mean is as many times the lowest. */
const explosion = 4

/**
 * A learning rate range test (Smith, 2017): trains with rates that grow from step to step until the loss explodes. Afterwards the step is
 * as it was before, bit for bit, and nothing was drawn from `random`, only from forks of it.
 *
 * See `suggestedRate` for the rate that comes of it.
 *
 * @throws GraftError `bad-usage` for no examples, too few steps, or rates that do not grow
 */
export async function* findLearningRate(
  options: RateRangeOptions,
): AsyncGenerator<RateEvent, RateRange> {
  const { step, lowest = 1e-6, highest = 1, steps = 100, random } = options
  check(options.train, lowest, highest, steps)
  const rateAt = (index: number) => lowest * (highest / lowest) ** (index / (steps - 1))
  const feedsOf = batchFeeds(options)
  const draws = random.fork('draws of the range test')
  const order = shuffled(options, random)
  function* prepared(from: number, to: number): Generator<StepBatch> {
    for (let index = from; index < to; index++) {
      const batch = order.next().value as Batch
      yield { feeds: feedsOf(batch, draws), learningRate: rateAt(index) }
    }
  }
  const before = step.state()
  const curve: RateEvent[] = []
  let sum = 0
  let least = Number.POSITIVE_INFINITY
  const result = (diverged: boolean): RateRange => ({
    learningRate: suggestedRate(curve),
    diverged,
    curve,
  })
  try {
    for (let start = 0; start < steps; start += step.capacity) {
      const end = Math.min(start + step.capacity, steps)
      const results = await step.runAll(prepared(start, end), draws)
      for (const { loss } of results) {
        const number = curve.length + 1
        sum = smoothing * sum + (1 - smoothing) * loss
        const smoothedLoss = sum / (1 - smoothing ** number)
        const learningRate = rateAt(number - 1)
        const event: RateEvent = {
          type: 'rate',
          step: number,
          steps,
          learningRate,
          loss,
          smoothedLoss,
        }
        curve.push(event)
        yield event
        if (!Number.isFinite(loss)) return result(true)
        if (number < settled) continue
        least = Math.min(least, smoothedLoss)
        if (smoothedLoss > explosion * least) return result(true)
      }
    }
    return result(false)
  } finally {
    step.restore(before)
  }
}

/**
 * A tenth of the rate at which the loss begins to explode: of the last one at which its mean lies within one standard error of the
 * lowest. The other usual choice, the rate of steepest descent, needs the slope of a noisy curve, and a network whose output layer was
 * trained already hardly descends; its loss explodes all the same. The noise is told by the differences from one loss to the next (von
 * Neumann, 1941), which a trend hardly changes, up to the lowest mean.
 *
 * @returns null where the mean rose out of the noise as soon as it could be judged, or never could be
 */
export function suggestedRate(curve: readonly RateEvent[]): number | null {
  const judged = curve.filter(
    ({ step, smoothedLoss }) => step >= settled && Number.isFinite(smoothedLoss),
  )
  if (judged.length === 0) return null
  const lowest = judged.reduce((a, b) => (b.smoothedLoss < a.smoothedLoss ? b : a))
  const losses = curve.slice(0, lowest.step).map(({ loss }) => loss)
  const squares = losses.slice(1).map((loss, index) => (loss - (losses[index] as number)) ** 2)
  const variance = mean(squares) / 2
  const error = Math.sqrt((variance * (1 - smoothing)) / (1 + smoothing))
  const last = judged.findLast(
    ({ smoothedLoss }) => smoothedLoss <= lowest.smoothedLoss + error,
  ) as RateEvent
  return last.step > settled ? last.learningRate / 10 : null
}

function check(train: readonly number[], lowest: number, highest: number, steps: number): void {
  if (train.length === 0) throw new GraftError('bad-usage', 'a range test needs examples')
  if (!(Number.isInteger(steps) && steps > settled)) {
    throw new GraftError('bad-usage', `a range test needs more than ${settled} steps, not ${steps}`)
  }
  if (!(lowest > 0 && highest > lowest && Number.isFinite(highest))) {
    throw new GraftError('bad-usage', `rates cannot grow from ${lowest} to ${highest}`)
  }
}

/** Batches of one epoch after the other, without end. */
function* shuffled(
  { train, batchSize }: RateRangeOptions,
  random: Random,
): Generator<Batch, never> {
  for (let epoch = 1; ; epoch++) {
    yield* batches(train, batchSize, random.fork(`order ${epoch} of the range test`))
  }
}
