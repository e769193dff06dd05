import type { Images } from '../data/pixels.ts'
import type { Graph } from '../graph/graph.ts'
import { mean } from '../statistics/summaries.ts'
import { lossesAtBest, lossesByTemperature } from '../statistics/temperature.ts'
import { imageExamples } from '../training/examples.ts'
import { computeFeatures, type Features } from '../training/features.ts'
import { scoreOf } from '../training/loop.ts'
import { rowsOf, softmax } from '../training/predict.ts'
import { asProgress, type FoldResult, type StrategyEvent, type Task } from '../training/task.ts'
import { createHeadTrainer, type Head, type HeadTrainer } from './head.ts'
import { type NeighbourGraph, neighbourGraph, propagate } from './label-propagation.ts'
import type { Probe, Regularization } from './probe.ts'

/** Frozen features of the labelled images and of others after them, as they are, and how alike they are. */
export type Neighbourhood = { readonly features: Features; readonly graph: NeighbourGraph }

/**
 * Runs the images without labels through a frozen network once and ties all images to those that look alike to it.
 *
 * @param network from pixels to features
 * @param labelled the features of the labelled images, in any number of views
 */
export async function* openNeighbourhood(
  { runtime }: Pick<Task, 'runtime'>,
  network: Graph,
  labelled: Features,
  unlabelled: Images,
): AsyncGenerator<StrategyEvent, Neighbourhood> {
  const others = yield* asProgress(
    'transfer, features of images without labels',
    computeFeatures(network, imageExamples(unlabelled), runtime),
  )
  const { count, columns } = labelled
  const data = new Float32Array((count + others.count) * columns)
  data.set(labelled.data.subarray(0, count * columns))
  data.set(others.data, count * columns)
  const features = { data, count: count + others.count, columns }
  const graph = yield* asProgress('transfer, nearest neighbours', neighbourGraph(features, runtime))
  return { features, graph }
}

/** Answers are made surer by this power before they are learned from (Berthelot et al., 2019, whose temperature is its inverse). */
const sharpening = 2

/**
 * The answers of an output layer for all images of a neighbourhood, as probabilities [images, classes], as their neighbours correct them; those of the rows that were
 * learned from are their labels.
 */
async function answersOf(
  { labels, classes }: Pick<Task, 'labels' | 'classes'>,
  { features, graph }: Neighbourhood,
  trainer: HeadTrainer,
  head: Head,
  rows: readonly number[],
): Promise<Float32Array> {
  const every = Array.from({ length: features.count }, (_, row) => row)
  const own = new Float32Array(features.count * classes.length)
  const outputs = await trainer.predict(head, features, every)
  for (const [row, probabilities] of softmax(outputs).entries()) {
    own.set(probabilities, row * classes.length)
  }
  const known = (of: Float32Array) => {
    for (const row of rows) {
      const answer = of.subarray(row * classes.length, (row + 1) * classes.length)
      answer.fill(0)[labels[row] as number] = 1
    }
    return of
  }
  return known(sharpened(propagate(graph, known(own), classes.length), classes.length))
}

function sharpened(answers: Float32Array, classes: number): Float32Array {
  const surer = answers.map((share) => share ** sharpening)
  for (let first = 0; first < surer.length; first += classes) {
    const row = surer.subarray(first, first + classes)
    const sum = row.reduce((a, b) => a + b, 0)
    if (sum > 0) for (let c = 0; c < classes; c++) row[c] = (row[c] as number) / sum
  }
  return surer
}

/** Output layers that learn from the answers of others for images without labels. */
async function createPupil(task: Task, { features, graph }: Neighbourhood) {
  const { count, columns } = features
  const trainer = await createHeadTrainer(
    { features: columns, classes: task.classes.length, examples: count, targets: 'probabilities' },
    task.runtime,
  )
  const every = Array.from({ length: count }, (_, row) => row)
  return {
    async fit(teacher: Head, rows: readonly number[], { scaling, penalty }: Regularization) {
      const answers = await answersOf(task, { features, graph }, trainer, teacher, rows)
      return trainer.fit(trainer.prepare(features, answers, every, scaling), penalty)
    },
    predict: (head: Head, rows: readonly number[]) => trainer.predict(head, features, rows),
    release: () => trainer.release(),
  }
}

/**
 * For every fold a new output layer that learns from what the fold's own says of images without labels: the held-out ones are among them, without their labels.
 *
 * @param probe the output layers that labels alone have taught
 */
export async function* probePropagated(
  task: Task,
  neighbourhood: Neighbourhood,
  { regularization, heads }: Probe,
): AsyncGenerator<StrategyEvent, Probe> {
  const pupil = await createPupil(task, neighbourhood)
  const results: FoldResult[] = []
  const scaled: number[][] = []
  const taught: Head[] = []
  try {
    for (const [fold, { train, validation }] of task.folds.entries()) {
      yield {
        type: 'progress',
        phase: 'transfer, answers for images without labels',
        done: fold,
        total: task.folds.length,
      }
      const start = performance.now()
      const head = await pupil.fit(heads[fold] as Head, train, regularization)
      const logits = await pupil.predict(head, validation)
      const truth = validation.map((row) => task.labels[row] as number)
      const { accuracy } = scoreOf(softmax(logits), truth)
      scaled.push(lossesByTemperature(rowsOf(logits), truth))
      results.push({ fold, accuracy, seconds: (performance.now() - start) / 1000, curve: [] })
      taught.push(head)
    }
  } finally {
    await pupil.release()
  }
  const { losses } = lossesAtBest(scaled)
  const accuracy = mean(results.map((result) => result.accuracy))
  return { regularization, accuracy, losses, folds: results, heads: taught }
}

/** The same on all labels. */
export async function* propagatedHead(
  task: Task,
  neighbourhood: Neighbourhood,
  teacher: Head,
  regularization: Regularization,
): AsyncGenerator<StrategyEvent, Head> {
  const phase = 'transfer, answers for images without labels, all labels'
  yield { type: 'progress', phase, done: 0, total: 1 }
  const pupil = await createPupil(task, neighbourhood)
  try {
    const rows = Array.from(task.labels, (_, row) => row)
    return await pupil.fit(teacher, rows, regularization)
  } finally {
    await pupil.release()
  }
}
