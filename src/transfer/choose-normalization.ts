import type { Images } from '../data/pixels.ts'
import { leaveOneOutScore } from '../statistics/leave-one-out.ts'
import { imageExamples } from '../training/examples.ts'
import { computeFeatures } from '../training/features.ts'
import {
  type Normalization,
  normalizationFromMetadata,
  takePixels,
  usualNormalizations,
} from '../training/normalization.ts'
import { finish } from '../training/predict.ts'
import type { StrategyEvent, Task } from '../training/task.ts'
import type { Backbone } from './backbone.ts'
import { costOf } from './cost.ts'
import { standardize } from './head.ts'

/** More images than this tell no more about the normalization; fewer tell too little. */
const mostImages = 200
const leastImages = 40

/**
 * The normalization that a backbone wants: what its metadata says, or else the one of the usual ones under which its last features
 * explain the labels best, by closed-form leave-one-out.
 */
export async function* chooseNormalization(
  backbone: Pick<Backbone, 'image' | 'graph'>,
  metadata: Readonly<Record<string, string>>,
  images: Images,
  task: Pick<Task, 'labels' | 'classes' | 'random' | 'runtime' | 'multiplyAdds'>,
): AsyncGenerator<StrategyEvent, Normalization> {
  const { image, graph } = backbone
  const { labels, classes, random, runtime } = task
  const said = normalizationFromMetadata(metadata, image.channels)
  if (said) {
    yield {
      type: 'decision',
      sentence: `normalization: as the backbone's metadata says`,
      kept: true,
    }
    return said
  }
  const order = random.fork('normalization').shuffle(Array.from(labels, (_, index) => index))
  const candidates = usualNormalizations(image.channels)
  const cost = await costOf(task, takePixels(graph, image, candidates[0] as Normalization))
  const affordable = Math.floor(task.multiplyAdds / (10 * cost * candidates.length))
  const sample = order.slice(0, Math.min(Math.max(affordable, leastImages), mostImages))
  const examples = imageExamples(images)
  const truth = sample.map((index) => labels[index] as number)
  const all = sample.map((_, row) => row)
  const scores: { normalization: Normalization; explained: number }[] = []
  for (const [done, normalization] of candidates.entries()) {
    yield { type: 'progress', phase: 'transfer, normalization', done, total: candidates.length }
    const network = takePixels(graph, image, normalization)
    const features = await finish(computeFeatures(network, examples, runtime, { indices: sample }))
    const { data, columns } = standardize(features, all)
    const rows = all.map((row) => data.subarray(row * columns, (row + 1) * columns))
    const { explained } = leaveOneOutScore(rows, truth, classes.length)
    scores.push({ normalization, explained })
  }
  scores.sort((a, b) => b.explained - a.explained)
  const list = scores.map((score) => `${score.normalization.name} ${score.explained.toFixed(3)}`)
  yield {
    type: 'decision',
    sentence: `normalization by leave-one-out score: ${list.join(', ')}`,
    kept: true,
  }
  return (scores[0] as (typeof scores)[number]).normalization
}
