import { describe, expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32, numbersOf, type Tensor } from '../graph/tensor.ts'
import { cnn, inputName, mlp, resnet } from '../nn/architectures.ts'
import { crossEntropy, targetsInput, weightsInput } from '../nn/losses.ts'
import { sgd } from '../nn/optimizers.ts'
import { cosine } from '../nn/schedules.ts'
import { createRandom } from '../random.ts'
import { arrayExamples } from './examples.ts'
import { compileForward, type Forward, withParameters } from './forward.ts'
import {
  scoreOf,
  type Trained,
  type TrainingEvent,
  type TrainingOptions,
  train,
  trainableParameters,
} from './loop.ts'
import { compileStep, type StepBatch, type TrainingStep } from './step.ts'
import type { StepOptions } from './write-step.ts'

/** 30 points around three centres, the class of each by turns. */
const source = createRandom(5)
const labels = Array.from({ length: 30 }, (_, i) => i % 3)
const points = Float32Array.from(
  labels.flatMap((label) =>
    [0, 1, 2].map((axis) => 2 * Number(axis === label) + 0.3 * source.normal()),
  ),
)
const examples = arrayExamples(points, [3, 1, 1])
const network = mlp([3, 1, 1], { sizes: [8], activation: 'relu', classes: 3 }, createRandom(1))
const trainable = trainableParameters(network)
const indices = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** Trains with a fresh step and returns all that came of it. */
async function trained(
  options: Partial<TrainingOptions>,
  validate: readonly number[] | null = null,
  watch: (step: TrainingStep) => TrainingStep = (step) => step,
  more: Partial<StepOptions> = {},
) {
  const batchSize = options.batchSize ?? 8
  const step = await compileStep(
    {
      graph: network,
      loss: crossEntropy(),
      inputs: { [inputName]: { type: 'float32', dims: [batchSize, 3, 1, 1] } },
      trainable,
      optimizer: sgd({ momentum: 0.9 }),
      ...more,
    },
    runtime,
  )
  const forward: Forward = await compileForward(network, trainable, runtime)
  const events: TrainingEvent[] = []
  const running = train({
    step: watch(step),
    input: inputName,
    examples,
    labels,
    train: indices(0, 20),
    batchSize,
    epochs: 4,
    learningRate: 0.1,
    random: createRandom(3),
    ...(validate && { validation: { indices: validate, forward } }),
    ...options,
  })
  for (;;) {
    const { done, value } = await running.next()
    if (done) {
      await step.release()
      await forward.release()
      return { events, ...value }
    }
    events.push(value)
  }
}

/** The same batches, each shown to somebody when it is asked for. */
function* watched(batches: Iterable<StepBatch>, see: (batch: StepBatch) => void) {
  for (const batch of batches) {
    see(batch)
    yield batch
  }
}

describe('training', () => {
  test('reports one event an epoch, in order, and returns them as its curve', async () => {
    const { events, curve } = await trained({}, indices(20, 30))
    expect(curve).toEqual(events)
    expect(events.map(({ type, epoch, epochs }) => [type, epoch, epochs])).toEqual(
      [1, 2, 3, 4].map((epoch) => ['epoch', epoch, 4]),
    )
    for (const event of events) {
      for (const key of ['trainingLoss', 'gradientNorm', 'validationLoss'] as const) {
        expect(event[key], key).toBeGreaterThan(0)
      }
    }
  })

  test('learns', async () => {
    const { events } = await trained({ epochs: 30 }, indices(20, 30))
    const [first, last] = [events[0], events.at(-1)]
    expect(last?.trainingLoss).toBeLessThan((first?.trainingLoss as number) / 5)
    expect(last?.validationAccuracy).toBe(1)
    expect(last?.validationLoss).toBeLessThan(0.3)
  })

  test('is bitwise the same for the same seed, and another for another one', async () => {
    const [one, again, other] = [
      await trained({}, indices(20, 30)),
      await trained({}, indices(20, 30)),
      await trained({ random: createRandom(4) }, indices(20, 30)),
    ]
    expect(again).toEqual(one)
    expect(other.parameters).not.toEqual(one.parameters)
  })

  test('measures no validation without examples for it', async () => {
    for (const validate of [null, []]) {
      const { events } = await trained({ epochs: 1 }, validate)
      expect(events[0]).toMatchObject({ validationLoss: null, validationAccuracy: null })
    }
  })

  test('validation is the score of the parameters at the end of the epoch', async () => {
    const held = indices(20, 30)
    const { events, parameters } = await trained({ epochs: 2 }, held)
    const forward = await compileForward(withParameters(network, parameters), [], runtime)
    const output = await forward.run({ [inputName]: examples.batch(held) }, new Map())
    const rows = held.map((_, row) => {
      const powers = numbersOf(output)
        .slice(3 * row, 3 * row + 3)
        .map(Math.exp)
      const sum = powers.reduce((a, b) => a + b, 0)
      return powers.map((power) => power / sum)
    })
    const truth = held.map((index) => labels[index] as number)
    const loss = rows.reduce((sum, row, i) => sum - Math.log(row[truth[i] as number] as number), 0)
    const right = rows.filter((row, i) => row.indexOf(Math.max(...row)) === truth[i]).length
    expect(events[1]?.validationLoss).toBeCloseTo(loss / 10, 5)
    expect(events[1]?.validationAccuracy).toBe(right / 10)
    await forward.release()
  })

  test('shows each example once an epoch, the last batch filled up at weight zero', async () => {
    const seen: { indices: number[]; weights: number[]; targets: number[] }[] = []
    await trained({ batchSize: 8, epochs: 2, classWeights: [1, 2, 3] }, null, (step) => ({
      ...step,
      runAll: (batches, random) =>
        step.runAll(
          watched(batches, ({ feeds }) => {
            const { data } = feeds[inputName] as Tensor
            const found = Array.from({ length: 8 }, (_, row) =>
              indices(0, 30).findIndex((i) => points[3 * i] === data[3 * row]),
            )
            const values = (name: string) => Array.from((feeds[name] as Tensor).data, Number)
            seen.push({
              indices: found,
              weights: values(weightsInput),
              targets: values(targetsInput),
            })
          }),
          random,
        ),
    }))
    expect(seen).toHaveLength(6)
    for (const batch of seen) {
      expect(batch.targets).toEqual(batch.indices.map((index) => labels[index]))
    }
    const epochs = [seen.slice(0, 3), seen.slice(3)].map((batches) => ({
      shown: batches.flatMap(({ indices, weights }) => indices.filter((_, i) => weights[i] !== 0)),
      padding: batches.flatMap(({ weights }) => weights).filter((weight) => weight === 0).length,
    }))
    for (const { shown, padding } of epochs) {
      expect(shown.toSorted((a, b) => a - b)).toEqual(indices(0, 20))
      expect(padding).toBe(4)
    }
    expect(epochs[1]?.shown).not.toEqual(epochs[0]?.shown)
    for (const { weights, targets } of seen) {
      weights.forEach((weight, i) => {
        if (weight !== 0) expect(weight).toBe((targets[i] as number) + 1)
      })
    }
  })

  test('follows its schedule over all steps', async () => {
    const rates: number[] = []
    const { events } = await trained({ epochs: 3, schedule: cosine }, null, (step) => ({
      ...step,
      runAll: (batches, random) =>
        step.runAll(
          watched(batches, ({ learningRate }) => rates.push(learningRate)),
          random,
        ),
    }))
    expect(rates).toEqual(Array.from({ length: 9 }, (_, step) => 0.1 * cosine(step, 9)))
    expect(events.map(({ learningRate }) => learningRate)).toEqual([rates[2], rates[5], rates[8]])
  })

  test('that stops early is the beginning of the whole, schedule and all', async () => {
    const held = indices(20, 30)
    const whole = await trained({ schedule: cosine }, held)
    const part = await trained({ schedule: cosine, stopAfter: 2 }, held)
    expect(part.events.map(({ epoch, epochs }) => [epoch, epochs])).toEqual([
      [1, 2],
      [2, 2],
    ])
    expect(part.curve).toEqual(whole.curve.slice(0, 2).map((event) => ({ ...event, epochs: 2 })))
    expect(part.parameters).not.toEqual(whole.parameters)
    const all = await trained({ schedule: cosine, stopAfter: 4 }, held)
    expect(all).toEqual(whole)
    for (const stopAfter of [0, 5, 1.5]) {
      await expect(trained({ stopAfter })).rejects.toMatchObject({
        code: 'bad-usage',
        message: `training of 4 epochs cannot stop after ${stopAfter}`,
      })
    }
  })

  test('measures and returns the averages of a step that keeps them', async () => {
    const held = indices(20, 30)
    const plain = await trained({}, held)
    let last: TrainingStep | undefined
    const averaged = await trained(
      {},
      held,
      (step) => {
        last = step
        return step
      },
      { averaging: { decay: 0.9 } },
    )
    expect(averaged.parameters).toEqual(last?.averages())
    expect(last?.parameters()).toEqual(plain.parameters)
    expect(averaged.parameters).not.toEqual(plain.parameters)
    const losses = ({ curve }: Trained) => curve.map(({ trainingLoss }) => trainingLoss)
    expect(losses(averaged)).toEqual(losses(plain))
    const forward = await compileForward(withParameters(network, averaged.parameters), [], runtime)
    const output = await forward.run({ [inputName]: examples.batch(held) }, new Map())
    await forward.release()
    const rows = held.map((_, row) => numbersOf(output).slice(3 * row, 3 * row + 3))
    const loss = rows.reduce((sum, row, i) => {
      const total = row.reduce((all, value) => all + Math.exp(value), 0)
      return sum + Math.log(total) - (row[labels[held[i] as number] as number] as number)
    }, 0)
    expect(averaged.curve.at(-1)?.validationLoss).toBeCloseTo(loss / 10, 5)
  })

  test('a heavy class is learned first', async () => {
    // The same point in two classes: the weights alone decide.
    const doubled = arrayExamples(Float32Array.of(1, 1, 1, 1, 1, 1), [3, 1, 1])
    const { parameters } = await trained({
      examples: doubled,
      labels: [0, 1],
      train: [0, 1],
      batchSize: 2,
      epochs: 200,
      classWeights: [3, 1, 1],
    })
    const forward = await compileForward(withParameters(network, parameters), [], runtime)
    const { data } = await forward.run({ [inputName]: doubled.batch([0]) }, new Map())
    expect(Math.exp(Number(data[0]) - Number(data[1]))).toBeCloseTo(3, 1)
    await forward.release()
  })
})

test('scores are the share of right answers and the mean log loss', () => {
  const rows = [
    [0.5, 0.25, 0.25],
    [0.1, 0.8, 0.1],
    [0.25, 0.25, 0.5],
  ]
  const { accuracy, loss } = scoreOf(rows, [0, 1, 0])
  expect(accuracy).toBeCloseTo(2 / 3, 12)
  expect(loss).toBeCloseTo(-(Math.log(0.5) + Math.log(0.8) + Math.log(0.25)) / 3, 12)
})

describe('trainable parameters', () => {
  test('are weights, biases and scales, not running statistics', () => {
    const graph = resnet([1, 4, 4], { classes: 2, widths: [4] }, createRandom(1))
    const found = trainableParameters(graph)
    expect(found).toContain('stem.first.norm.weight')
    expect(found).toContain('stage1.block1.sum.second.norm.bias')
    expect(found.filter((name) => name.includes('running'))).toEqual([])
    expect([...graph.initializers.keys()].filter((name) => !found.includes(name))).toHaveLength(6)
    expect(trainableParameters(cnn([1, 8, 8], { classes: 2 }, createRandom(1)))).toHaveLength(8)
  })

  test('are not bounds, rates, fillings, scalars, integers, nor what nothing reads or only compares', () => {
    const builder = createBuilder()
    const one = (value: number) => float32([1], [value])
    const x = builder.input('x', 'float32', ['N', 4])
    const bounded = builder.op('Clip', [
      builder.op('PRelu', [x, builder.parameter('slope', one(0.1))]),
      builder.parameter('low', float32([], [0])),
      builder.parameter('high', one(6)),
    ])
    const dropped = builder.op('Dropout', [bounded, builder.parameter('rate', one(0.5))])
    const scaled = builder.op('Div', [dropped, builder.parameter('temperature', float32([], [2]))])
    const shaped = builder.op('Reshape', [
      scaled,
      builder.parameter('shape', { type: 'int64', dims: [2], data: BigInt64Array.of(-1n, 4n) }),
    ])
    builder.parameter('unread', one(1))
    const isHigh = builder.op('Greater', [shaped, builder.parameter('threshold', one(3))])
    builder.output(builder.op('Where', [isHigh, shaped, builder.op('Neg', [shaped])]))
    expect(trainableParameters(builder.build())).toEqual(['slope'])
  })
})
