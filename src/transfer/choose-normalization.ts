import type { Images } from '../data/pixels.ts'
import { finish } from '../events.ts'
import { type LeaveOneOut, leaveOneOutScore, withinNoise } from '../statistics/leave-one-out.ts'
import { costOf } from '../training/cost.ts'
import { imageExamples } from '../training/examples.ts'
import { computeFeatures } from '../training/features.ts'
import {
  type Normalization,
  normalizationFromMetadata,
  takePixels,
  usualNormalizations,
} from '../training/normalization.ts'
import type { StrategyEvent, Task } from '../training/task.ts'
import { type Backbone, notFinite } from './backbone.ts'
import { entropiesOf } from './entropy.ts'
import { standardize } from './standardize.ts'

/** More images than this tell no more about the normalization; fewer tell too little. */
const mostImages = 200
const leastImages = 40

/** So many images show whether a classifier tells them apart at all. */
const informativeImages = 40

/**
 * The normalization that a backbone wants: what its metadata says, or else one of the usual ones. Those are left out under which the
 * backbone's own classifier tells the images apart less than half as well as under another: where pixels are far too large or too small for
 * it, it says much the same of all. Of the others, the one under which its last features explain the labels best, by closed-form
 * leave-one-out. With few images several may lie within the noise: of those, the one under which its classifier is surest, since a network
 * is confused by images that look like none it was trained on.
 */
export async function* chooseNormalization(
  backbone: Pick<Backbone, 'image' | 'graph' | 'whole'>,
  metadata: Readonly<Record<string, string>>,
  images: Images,
  task: Pick<Task, 'labels' | 'classes' | 'random' | 'runtime' | 'multiplyAdds'>,
): AsyncGenerator<StrategyEvent, Normalization> {
  const { image, graph, whole } = backbone
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
  const usual = usualNormalizations(image.channels)
  const cost = await costOf(task, takePixels(graph, image, usual[0] as Normalization))
  const affordable = Math.floor(task.multiplyAdds / (10 * cost * usual.length))
  const sample = order.slice(0, Math.min(Math.max(affordable, leastImages), mostImages))
  const examples = imageExamples(images)
  const truth = sample.map((index) => labels[index] as number)
  const all = sample.map((_, row) => row)
  const candidates = whole
    ? yield* informative(usual, (normalization) =>
        entropiesOf(
          takePixels(whole, image, normalization),
          examples,
          sample.slice(0, informativeImages),
          runtime,
        ),
      )
    : usual
  const scores: Score[] = []
  for (const [done, normalization] of candidates.entries()) {
    yield { type: 'progress', phase: 'transfer, normalization', done, total: candidates.length }
    const network = takePixels(graph, image, normalization)
    const features = await finish(computeFeatures(network, examples, runtime, { indices: sample }))
    const { columns } = features
    const { data } = standardize(features, all)
    const rows = all.map((row) => data.subarray(row * columns, (row + 1) * columns))
    scores.push({ normalization, ...leaveOneOutScore(rows, truth, classes.length) })
  }
  scores.sort((a, b) => b.explained - a.explained)
  const list = scores.map((score) => `${score.normalization.name} ${score.explained.toFixed(3)}`)
  yield {
    type: 'decision',
    sentence: `normalization by leave-one-out score: ${list.join(', ')}`,
    kept: true,
  }
  if (scores[0]?.explained === Number.NEGATIVE_INFINITY) throw notFinite()
  const best = (scores[0] as Score).normalization
  const contenders = scores.filter((score) => withinNoise(score, scores[0] as Score))
  if (!whole || contenders.length === 1) return best
  const entropies: { readonly normalization: Normalization; readonly entropy: number }[] = []
  for (const { normalization } of contenders) {
    const network = takePixels(whole, image, normalization)
    const { each } = await finish(entropiesOf(network, examples, sample, runtime))
    entropies.push({ normalization, entropy: each })
  }
  entropies.sort((a, b) => a.entropy - b.entropy)
  const surest = entropies.map((one) => `${one.normalization.name} ${one.entropy.toFixed(2)}`)
  yield {
    type: 'decision',
    sentence: `those lie within the noise: the backbone itself is surest of what it sees (lowest entropy) with ${surest.join(', ')}`,
    kept: true,
  }
  return (entropies[0] as (typeof entropies)[number]).normalization
}

/** The normalizations under which a classifier tells images apart at least half as well as under the best of them. */
async function* informative(
  candidates: readonly Normalization[],
  entropies: (normalization: Normalization) => ReturnType<typeof entropiesOf>,
): AsyncGenerator<StrategyEvent, readonly Normalization[]> {
  const found: { readonly normalization: Normalization; readonly information: number }[] = []
  for (const normalization of candidates) {
    const { information } = await finish(entropies(normalization))
    const isKnown = Number.isFinite(information)
    found.push({ normalization, information: isKnown ? information : Number.NEGATIVE_INFINITY })
  }
  found.sort((a, b) => b.information - a.information)
  const most = found[0]?.information ?? 0
  const left = found.filter(({ information }) => information < most / 2)
  if (left.length > 0) {
    const list = found.map((one) => `${one.normalization.name} ${one.information.toFixed(2)}`)
    const names = left.map(({ normalization }) => normalization.name).join(', ')
    yield {
      type: 'decision',
      sentence: `what the backbone's own classifier tells of the images, in nats: ${list.join(', ')}; left out: ${names}`,
      kept: true,
    }
  }
  return candidates.filter((one) => !left.some(({ normalization }) => normalization === one))
}

type Score = LeaveOneOut & { readonly normalization: Normalization }
