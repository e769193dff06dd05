import { mean } from '../statistics/summaries.ts'
import { lossesAtBest, lossesByTemperature } from '../statistics/temperature.ts'
import { balancedWeights } from '../training/class-weights.ts'
import { type Features, rowsInViews } from '../training/features.ts'
import { scoreOf } from '../training/loop.ts'
import { finish, rowsOf, softmax } from '../training/predict.ts'
import { type FoldResult, inPhase, type StrategyEvent, type Task } from '../training/task.ts'
import { createHeadTrainer, type Head } from './head.ts'
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

/** Trains output layers on cached features of some examples in all their views. */
async function createProbe(
  task: Task,
  { features, widths }: ProbeInput,
  examples: number,
  { scaling, penalty, keep }: Regularization,
) {
  const { data, count, columns } = features
  const views = data.length / (count * columns)
  const classes = task.classes.length
  const trainer = await createHeadTrainer(
    {
      features: columns,
      classes,
      // The penalty weighs against each example once, however many views there are of it.
      examples: examples * views,
      penalty: penalty * views,
      scaling,
      widths,
      keep,
      classWeights: balancedWeights(task.labels, classes),
    },
    task.runtime,
  )
  const labels = Int32Array.from(
    { length: count * views },
    (_, row) => task.labels[row % count] as number,
  )
  return {
    fit: (rows: readonly number[], random: Task['random']) =>
      trainer.fit(features, labels, rowsInViews(features, rows), random),
    predict: (head: Head, rows: readonly number[]) => trainer.predict(head, features, rows),
    release: () => trainer.release(),
  }
}

/**
 * Trains an output layer on frozen features in every fold, for each regularization, and keeps the one with the lowest held-out loss.
 *
 * @param name what progress says of it
 */
export async function* probeFolds(
  task: Task,
  input: ProbeInput,
  name = 'output layer',
): AsyncGenerator<StrategyEvent, Probe> {
  type Tried = Omit<Probe, 'losses'> & { readonly loss: number; readonly scaled: number[][] }
  const tried: Tried[] = []
  const examples = Math.max(...task.folds.map(({ train }) => train.length))
  const choices = regularizations[input.kind]
  for (const regularization of choices) {
    const { scaling, penalty } = regularization
    const probe = await createProbe(task, input, examples, regularization)
    const folds: FoldResult[] = []
    const heads: Head[] = []
    const losses: number[] = []
    const scaled: number[][] = []
    for (const [index, { train, validation }] of task.folds.entries()) {
      const start = performance.now()
      const done = tried.length * task.folds.length + index
      const total = choices.length * task.folds.length
      yield { type: 'progress', phase: `transfer, ${name}`, done, total }
      const random = task.random.fork(`head ${scaling} ${penalty} fold ${index}`)
      const head = await finish(probe.fit(train, random))
      const truth = validation.map((row) => task.labels[row] as number)
      const logits = await probe.predict(head, validation)
      const { accuracy, loss } = scoreOf(softmax(logits), truth)
      heads.push(head)
      losses.push(loss)
      scaled.push(lossesByTemperature(rowsOf(logits), truth))
      const seconds = (performance.now() - start) / 1000
      folds.push({ fold: index, accuracy, seconds, curve: [] })
    }
    await probe.release()
    const accuracy = mean(folds.map((fold) => fold.accuracy))
    tried.push({ regularization, accuracy, loss: mean(losses), scaled, folds, heads })
  }
  const best = tried.reduce((a, b) => (b.loss < a.loss ? b : a))
  return { ...best, losses: lossesAtBest(best.scaled).losses }
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
  const probe = await createProbe(task, input, rows.length, regularization)
  try {
    const phase = 'transfer, output layer, all labels'
    return yield* inPhase(phase, probe.fit(rows, task.random.fork('head')))
  } finally {
    await probe.release()
  }
}
