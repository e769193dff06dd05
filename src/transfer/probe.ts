import { mean } from '../statistics/summaries.ts'
import { balancedWeights } from '../training/class-weights.ts'
import { type Features, rowsInViews } from '../training/features.ts'
import { scoreOf } from '../training/loop.ts'
import { finish, softmax } from '../training/predict.ts'
import { type FoldResult, inPhase, type StrategyEvent, type Task } from '../training/task.ts'
import { createHeadTrainer, type Head, type Scaling } from './head.ts'

/** How an output layer is regularized: the penalty is the inverse of scikit-learn's strength C, and 10 is its C = 0.1. */
export type Regularization = { readonly scaling: Scaling; readonly penalty: number }

/** What the folds choose from. */
const regularizations: readonly Regularization[] = [
  { scaling: 'each', penalty: 10 },
  { scaling: 'each', penalty: 100 },
  { scaling: 'common', penalty: 10 },
  { scaling: 'common', penalty: 100 },
  { scaling: 'common', penalty: 1000 },
]

/** New output layers on frozen features: one for each fold, all regularized as did best. */
export type Probe = {
  readonly regularization: Regularization
  readonly accuracy: number
  /** The log loss on the held-out part of each fold. */
  readonly losses: readonly number[]
  readonly folds: readonly FoldResult[]
  readonly heads: readonly Head[]
}

/** Trains output layers on cached features of some examples in all their views. */
async function createProbe(
  task: Task,
  features: Features,
  examples: number,
  { scaling, penalty }: Regularization,
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

/** Trains an output layer on frozen features in every fold, for each regularization, and keeps the one with the lowest held-out loss. */
export async function* probeFolds(
  task: Task,
  features: Features,
  name = 'output layer',
): AsyncGenerator<StrategyEvent, Probe> {
  const probes: Probe[] = []
  const examples = Math.max(...task.folds.map(({ train }) => train.length))
  for (const regularization of regularizations) {
    const { scaling, penalty } = regularization
    const probe = await createProbe(task, features, examples, regularization)
    const folds: FoldResult[] = []
    const heads: Head[] = []
    const losses: number[] = []
    for (const [index, { train, validation }] of task.folds.entries()) {
      const start = performance.now()
      const done = probes.length * task.folds.length + index
      const total = regularizations.length * task.folds.length
      yield { type: 'progress', phase: `transfer, ${name}`, done, total }
      const random = task.random.fork(`head ${scaling} ${penalty} fold ${index}`)
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
    probes.push({ regularization, accuracy, losses, folds, heads })
  }
  const best = probes.reduce((a, b) => (mean(b.losses) < mean(a.losses) ? b : a))
  yield {
    type: 'decision',
    sentence: `new ${name} on frozen features, ${describe(best.regularization)}: ${best.accuracy.toFixed(3)}`,
    kept: true,
  }
  return best
}

function describe({ scaling, penalty }: Regularization): string {
  const scaled = scaling === 'each' ? 'each scaled by its own spread' : 'all on one scale'
  return `${scaled}, penalty ${penalty}`
}

/** Trains an output layer on all labelled examples. */
export async function* probeAll(
  task: Task,
  features: Features,
  regularization: Regularization,
): AsyncGenerator<StrategyEvent, Head> {
  const rows = Array.from(task.labels, (_, row) => row)
  const probe = await createProbe(task, features, rows.length, regularization)
  try {
    const phase = 'transfer, output layer, all labels'
    return yield* inPhase(phase, probe.fit(rows, task.random.fork('head')))
  } finally {
    await probe.release()
  }
}
