import { mean } from '../statistics/summaries.ts'
import { lossesAtBest } from '../statistics/temperature.ts'
import { balancedWeights } from '../training/class-weights.ts'
import { type Features, rowsInViews } from '../training/features.ts'
import type { Outputs } from '../training/predict.ts'
import { scoreLogits } from '../training/score-logits.ts'
import type { FoldResult, StrategyEvent, Task } from '../training/task.ts'
import { createHeadTrainer, type Head, type Prepared } from './head.ts'
import type { Scaling } from './standardize.ts'

/** How an output layer is regularized. */
export type Regularization = {
  readonly scaling: Scaling
  /** The inverse of scikit-learn's strength C. */
  readonly penalty: number
  /** The share of the features that is used. */
  readonly keep: number
}

/** What an output layer reads: the features of one depth, or the best of several. */
export type HeadKind = 'linear' | 'selected'

/** What the folds choose from. */
const regularizations: Readonly<Record<HeadKind, readonly Regularization[]>> = {
  linear: [
    { scaling: 'each', penalty: 10, keep: 1 },
    { scaling: 'each', penalty: 100, keep: 1 },
    { scaling: 'common', penalty: 10, keep: 1 },
    { scaling: 'common', penalty: 100, keep: 1 },
    { scaling: 'common', penalty: 1000, keep: 1 },
  ],
  selected: [
    { scaling: 'common', penalty: 100, keep: 0.05 },
    { scaling: 'common', penalty: 100, keep: 0.25 },
    { scaling: 'common', penalty: 1000, keep: 0.25 },
  ],
}

/** Frozen features of one depth, or of several side by side. */
export type ProbeInput = {
  readonly kind: HeadKind
  readonly features: Features
  /** The columns of each depth. */
  readonly widths: readonly number[]
}

/** New output layers on frozen features: one for each fold, all regularized as did best. */
export type Probe = {
  readonly regularization: Regularization
  readonly accuracy: number
  /** The log loss on the held-out part of each fold, at the temperature that is best for all. */
  readonly losses: readonly number[]
  readonly folds: readonly FoldResult[]
  readonly heads: readonly Head[]
}

/** Trains output layers on cached features of some examples in all their views; other features are to be as many. */
async function createProbe(task: Task, { features, widths }: ProbeInput, examples: number) {
  const { data, count, columns } = features
  const views = data.length / (count * columns)
  const classes = task.classes.length
  const trainer = await createHeadTrainer(
    {
      features: columns,
      classes,
      examples: examples * views,
      widths,
      classWeights: balancedWeights(task.labels, classes),
    },
    task.runtime,
  )
  const labels = Int32Array.from(
    { length: count * views },
    (_, row) => task.labels[row % count] as number,
  )
  return {
    prepare: (own: Features, rows: readonly number[], scaling: Scaling) =>
      trainer.prepare(own, labels, rowsInViews(own, rows), scaling),
    // The penalty weighs against each example once, however many views there are of it.
    fit: (prepared: Prepared, { penalty, keep }: Regularization) =>
      trainer.fit(prepared, penalty * views, keep),
    predict: (head: Head, own: Features, rows: readonly number[]) =>
      trainer.predict(head, own, rows),
    release: () => trainer.release(),
  }
}

/**
 * Trains an output layer on frozen features in every fold, for each regularization, and keeps the one with the lowest held-out loss.
 *
 * @param inputOf what is read in a fold: as many features in each
 * @param name what progress says of it
 */
export async function* probeFolds(
  task: Task,
  inputOf: (fold: number) => ProbeInput,
  name = 'output layer',
): AsyncGenerator<StrategyEvent, Probe> {
  const examples = Math.max(...task.folds.map(({ train }) => train.length))
  const first = inputOf(0)
  const choices = regularizations[first.kind]
  const probe = await createProbe(task, first, examples)
  const measured: Measured[][] = choices.map(() => [])
  try {
    for (const [fold, { train, validation }] of task.folds.entries()) {
      const { features } = inputOf(fold)
      const truth = validation.map((row) => task.labels[row] as number)
      const prepared = new Map<Scaling, Prepared>()
      for (const [index, regularization] of choices.entries()) {
        const done = fold * choices.length + index
        const total = choices.length * task.folds.length
        yield { type: 'progress', phase: `transfer, ${name}`, done, total }
        const start = performance.now()
        const { scaling } = regularization
        const standardized = prepared.get(scaling) ?? probe.prepare(features, train, scaling)
        prepared.set(scaling, standardized)
        const head = await probe.fit(standardized, regularization)
        const logits = await probe.predict(head, features, validation)
        measured[index]?.push(measure(fold, head, logits, truth, start))
      }
    }
  } finally {
    await probe.release()
  }
  const lossOf = (of: readonly Measured[]) => mean(of.map(({ loss }) => loss))
  const best = measured.reduce((a, b) => (lossOf(b) < lossOf(a) ? b : a))
  return summarize(choices[measured.indexOf(best)] as Regularization, best)
}

/** An output layer and what it reached on the held-out part of its fold. */
export type Measured = {
  readonly head: Head
  readonly loss: number
  readonly scaled: number[]
  readonly result: FoldResult
}

/** What the logits of an output layer for the held-out part of a fold, of these classes, are worth; its work began at `start`. */
export function measure(
  fold: number,
  head: Head,
  logits: Outputs,
  truth: readonly number[],
  start: number,
): Measured {
  const { accuracy, loss, scaled } = scoreLogits(logits, truth)
  const seconds = (performance.now() - start) / 1000
  return { head, loss, scaled, result: { fold, accuracy, seconds, curve: [] } }
}

/** The output layers of all folds. */
export function summarize(regularization: Regularization, folds: readonly Measured[]): Probe {
  return {
    regularization,
    accuracy: mean(folds.map(({ result }) => result.accuracy)),
    losses: lossesAtBest(folds.map(({ scaled }) => scaled)).losses,
    folds: folds.map(({ result }) => result),
    heads: folds.map(({ head }) => head),
  }
}

/** A regularization in words. */
export function describeRegularization({ scaling, penalty, keep }: Regularization): string {
  const scaled = scaling === 'each' ? 'each scaled by its own spread' : 'all on one scale'
  const share = keep < 1 ? `the best ${100 * keep} % of them, ` : ''
  return `${share}${scaled}, penalty ${penalty}`
}

/** Trains an output layer on all labelled examples. */
export async function* probeAll(
  task: Task,
  input: ProbeInput,
  regularization: Regularization,
): AsyncGenerator<StrategyEvent, Head> {
  const rows = Array.from(task.labels, (_, row) => row)
  yield { type: 'progress', phase: 'transfer, output layer, all labels', done: 0, total: 1 }
  const probe = await createProbe(task, input, rows.length)
  try {
    return await probe.fit(
      probe.prepare(input.features, rows, regularization.scaling),
      regularization,
    )
  } finally {
    await probe.release()
  }
}
