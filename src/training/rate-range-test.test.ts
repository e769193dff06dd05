import { describe, expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { networkOf, stepOptions } from '../../testing/training-steps.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { activations, dense, dropout, flatten, sequential } from '../nn/layers.ts'
import { sgd } from '../nn/optimizers.ts'
import { createRandom } from '../random.ts'
import { arrayExamples } from './examples.ts'
import {
  findLearningRate,
  type RateEvent,
  type RateRange,
  type RateRangeOptions,
  suggestedRate,
} from './rate-range-test.ts'
import { compileStep, type TrainingStep } from './step.ts'

/** 30 points around three centres. */
const source = createRandom(5)
const labels = Array.from({ length: 30 }, (_, i) => i % 3)
const points = Float32Array.from(
  labels.flatMap((label) =>
    [0, 1, 2].map((axis) => Number(axis === label) + 0.3 * source.normal()),
  ),
)
const network = networkOf(
  sequential({
    flatten: flatten(),
    hidden: dense(8),
    act: activations.relu.layer(),
    drop: dropout(0.2),
    head: dense(3),
  }),
  [3, 1, 1],
)
const compile = () =>
  compileStep(
    stepOptions(network, [8, 3, 1, 1], {
      optimizer: sgd({ momentum: 0.9 }),
      averaging: { decay: 0.9 },
    }),
    runtime,
  )
const options = (step: TrainingStep, more: Partial<RateRangeOptions> = {}): RateRangeOptions => ({
  step,
  input: 'x',
  examples: arrayExamples(points, [3, 1, 1]),
  labels,
  train: labels.map((_, index) => index),
  batchSize: 8,
  random: createRandom(3),
  ...more,
})

async function finished(running: AsyncGenerator<RateEvent, RateRange>) {
  const events: RateEvent[] = []
  for (;;) {
    const { done, value } = await running.next()
    if (done) return { events, ...value }
    events.push(value)
  }
}

describe('a range test', () => {
  test('tries rates that grow by the same factor, and smooths their losses', async () => {
    const step = await compile()
    const { events, curve, diverged } = await finished(
      findLearningRate(options(step, { lowest: 1e-5, highest: 0.01, steps: 31 })),
    )
    expect(events).toEqual(curve)
    expect(diverged).toBe(false)
    expect(events.map(({ step, steps }) => [step, steps])).toEqual(
      Array.from({ length: 31 }, (_, i) => [i + 1, 31]),
    )
    for (const { step, learningRate, smoothedLoss } of events) {
      expect(learningRate / 10 ** (-5 + (step - 1) / 10)).toBeCloseTo(1, 10)
      const weights = Array.from({ length: step }, (_, i) => 0.9 ** (step - 1 - i))
      const sum = (values: number[]) => values.reduce((a, b) => a + b, 0)
      const weighted = weights.map((weight, i) => weight * (events[i] as RateEvent).loss)
      expect(smoothedLoss).toBeCloseTo(sum(weighted) / sum(weights), 10)
    }
    await step.release()
  })

  test('ends where the loss explodes, and suggests a tenth of a rate before', async () => {
    const step = await compile()
    const { events, learningRate, diverged } = await finished(
      findLearningRate(options(step, { highest: 1e4, steps: 150 })),
    )
    expect(diverged).toBe(true)
    expect(events.length).toBeLessThan(150)
    const judged = events.slice(9).map(({ smoothedLoss }) => smoothedLoss)
    const exploded = judged.map((loss, i) => !(loss <= 4 * Math.min(...judged.slice(0, i + 1))))
    expect(exploded.indexOf(true)).toBe(judged.length - 1)
    expect(learningRate).toBeGreaterThan(1e-3)
    expect(learningRate).toBeLessThanOrEqual((events.at(-1)?.learningRate as number) / 10)
    await step.release()
  })

  test('leaves no trace in the step or the generator, at its end or where it is left early', async () => {
    const [step, other] = await Promise.all([compile(), compile()])
    const train = async (own: TrainingStep) => {
      const random = createRandom('train')
      const feeds = {
        x: arrayExamples(points, [3, 1, 1]).batch([0, 1, 2, 3, 4, 5, 6, 7]),
        'graft.targets': { type: 'int64', dims: [8], data: new BigInt64Array(8) } as Tensor,
        'graft.weights': float32([8], Array(8).fill(1)),
      }
      return own.run(feeds, { learningRate: 0.1, random })
    }
    await train(step)
    await train(other)
    const [before, random] = [step.state(), createRandom(3)]
    const whole = await finished(findLearningRate(options(step, { highest: 1e9, random })))
    expect(whole.diverged).toBe(true)
    expect(step.state()).toEqual(before)
    for await (const { step } of findLearningRate(options(other, { random }))) {
      if (step === 12) break
    }
    expect(other.state()).toEqual(before)
    expect(random.uniform()).toBe(createRandom(3).uniform())
    expect(await train(step)).toEqual(await train(other))
    await Promise.all([step, other].map((own) => own.release()))
  })

  test('is the same for the same seed, however many steps a call makes, and another for another', async () => {
    const step = await compile()
    const one = await finished(findLearningRate(options(step)))
    const small = await finished(findLearningRate(options({ ...step, capacity: 1 })))
    const other = await finished(findLearningRate(options(step, { random: createRandom(4) })))
    expect(small).toEqual(one)
    expect(other.curve).not.toEqual(one.curve)
    await step.release()
  })

  test.each<[string, Partial<RateRangeOptions>]>([
    ['a range test needs examples', { train: [] }],
    ['a range test needs more than 10 steps, not 10', { steps: 10 }],
    ['rates cannot grow from 1 to 0.1', { lowest: 1, highest: 0.1 }],
    ['rates cannot grow from 0 to 1', { lowest: 0 }],
  ])('says "%s"', async (message, more) => {
    const step = await compile()
    await expect(finished(findLearningRate(options(step, more)))).rejects.toMatchObject({
      code: 'bad-usage',
      message,
    })
    await step.release()
  })
})

describe('the suggested rate', () => {
  /** A curve of these mean losses at rates that double; each loss lies by turns above and below its mean. */
  const curveOf = (means: readonly number[], noise = 0): RateEvent[] =>
    means.map((smoothedLoss, index) => ({
      type: 'rate',
      step: index + 1,
      steps: means.length,
      learningRate: 2 ** index,
      loss: smoothedLoss + (index % 2 === 0 ? noise : -noise),
      smoothedLoss,
    }))
  const falling = Array.from({ length: 20 }, (_, i) => 3 - 0.1 * i)

  test('is a tenth of the rate at which the loss was lowest, where there is no noise', () => {
    expect(suggestedRate(curveOf([...falling, 2, 5, 12]))).toBeCloseTo(2 ** 19 / 10)
  })

  test('is a tenth of the last one within a standard error of the lowest', () => {
    // Differences of 2 * noise between losses: a variance of 2 * noise^2, of which the moving mean keeps 0.1 / 1.9.
    const flat = [...Array(15).fill(1), 0.99, ...Array(8).fill(1), 1.5, 4]
    const error = (noise: number) => Math.sqrt((2 * noise ** 2 * 0.1) / 1.9)
    expect(error(0.05)).toBeGreaterThan(0.01)
    expect(suggestedRate(curveOf(flat, 0.05))).toBeCloseTo(2 ** 23 / 10)
    expect(error(0.02)).toBeLessThan(0.01)
    expect(suggestedRate(curveOf(flat, 0.02))).toBeCloseTo(2 ** 15 / 10)
  })

  test('is none where the loss only rose, or exploded before it could be judged', () => {
    expect(suggestedRate(curveOf(Array.from({ length: 20 }, (_, i) => 1 + i)))).toBeNull()
    expect(suggestedRate(curveOf([1, 2, Number.NaN]))).toBeNull()
    expect(suggestedRate(curveOf([...falling, Number.NaN]))).toBeCloseTo(2 ** 19 / 10)
  })
})
