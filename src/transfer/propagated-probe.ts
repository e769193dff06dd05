import type { Images } from '../data/pixels.ts'
import type { Graph } from '../graph/graph.ts'
import { imageExamples } from '../training/examples.ts'
import { computeFeatures, type Features } from '../training/features.ts'
import { type Outputs, softmax } from '../training/predict.ts'
import { asProgress, type StrategyEvent, type Task } from '../training/task.ts'
import { createHeadTrainer, type Head } from './head.ts'
import { type NeighbourGraph, neighbourGraph, propagate, toSumOne } from './label-propagation.ts'
import { type Measured, measure, type Probe, type Regularization, summarize } from './probe.ts'

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
function answersOf(
  { labels, classes }: Pick<Task, 'labels' | 'classes'>,
  graph: NeighbourGraph,
  logits: Outputs,
  rows: readonly number[],
): Float32Array {
  const own = new Float32Array(logits.rows * classes.length)
  for (const [row, probabilities] of softmax(logits).entries()) {
    own.set(probabilities, row * classes.length)
  }
  const known = (of: Float32Array) => {
    for (const row of rows) {
      const answer = of.subarray(row * classes.length, (row + 1) * classes.length)
      answer.fill(0)[labels[row] as number] = 1
    }
    return of
  }
  const mixed = propagate(graph, known(own), classes.length)
  const surer = mixed.map((share) => share ** sharpening)
  return known(toSumOne(surer, classes.length))
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
      const logits = await trainer.predict(teacher, features, every)
      const answers = answersOf(task, graph, logits, rows)
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
  const measured: Measured[] = []
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
      measured.push(measure(fold, head, logits, truth, start))
    }
  } finally {
    await pupil.release()
  }
  return summarize(regularization, measured)
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
