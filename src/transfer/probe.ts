import { mean } from '../statistics/summaries.ts'
import { balancedWeights } from '../training/class-weights.ts'
import { type Features, rowsInViews } from '../training/features.ts'
import { scoreOf } from '../training/loop.ts'
import { finish, softmax } from '../training/predict.ts'
import { type FoldResult, inPhase, type StrategyEvent, type Task } from '../training/task.ts'
import { createHeadTrainer, type Head } from './head.ts'

/** Inverse strengths C of scikit-learn that the folds choose from; 10 is its C = 0.1. */
const penalties = [10, 30, 100] as const

/** New output layers on frozen features: one for each fold, all with the penalty that did best. */
export type Probe = {
  readonly penalty: number
  readonly accuracy: number
  readonly folds: readonly FoldResult[]
  readonly heads: readonly Head[]
}

/** Trains output layers on cached features of some examples in all their views. */
async function createProbe(task: Task, features: Features, examples: number, penalty: number) {
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

/** Trains an output layer on frozen features in every fold, for each penalty, and keeps the one with the lowest held-out loss. */
export async function* probeFolds(
  task: Task,
  features: Features,
): AsyncGenerator<StrategyEvent, Probe> {
  const probes: (Probe & { readonly loss: number })[] = []
  const examples = Math.max(...task.folds.map(({ train }) => train.length))
  for (const penalty of penalties) {
    const probe = await createProbe(task, features, examples, penalty)
    const folds: FoldResult[] = []
    const heads: Head[] = []
    const losses: number[] = []
    for (const [index, { train, validation }] of task.folds.entries()) {
      const start = performance.now()
      const done = probes.length * task.folds.length + index
      const total = penalties.length * task.folds.length
      yield { type: 'progress', phase: 'transfer, output layer', done, total }
      const random = task.random.fork(`head ${penalty} fold ${index}`)
      const head = await finish(probe.fit(train, random))
      const truth = validation.map((row) => task.labels[row] as number)
      const { accuracy, loss } = scoreOf(softmax(await probe.predict(head, validation)), truth)
      heads.push(head)
      losses.push(loss)
      const seconds = (performance.now() - start) / 1000
      folds.push({ fold: index, accuracy, seconds, curve: [] })
    }
    await probe.release()
    const accuracy = mean(folds.map((fold) => fold.accuracy))
    probes.push({ penalty, accuracy, folds, heads, loss: mean(losses) })
  }
  const best = probes.reduce((a, b) => (b.loss < a.loss ? b : a))
  yield {
    type: 'decision',
    sentence: `new output layer on frozen features, penalty ${best.penalty}: ${best.accuracy.toFixed(3)}`,
    kept: true,
  }
  return best
}

/** Trains an output layer on all labelled examples. */
export async function* probeAll(
  task: Task,
  features: Features,
  penalty: number,
): AsyncGenerator<StrategyEvent, Head> {
  const rows = Array.from(task.labels, (_, row) => row)
  const probe = await createProbe(task, features, rows.length, penalty)
  try {
    const phase = 'transfer, output layer, all labels'
    return yield* inPhase(phase, probe.fit(rows, task.random.fork('head')))
  } finally {
    await probe.release()
  }
}
