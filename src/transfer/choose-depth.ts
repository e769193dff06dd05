import type { Images } from '../data/pixels.ts'
import type { Graph } from '../graph/graph.ts'
import { leaveOneOutScore } from '../statistics/leave-one-out.ts'
import { mean } from '../statistics/summaries.ts'
import { imageExamples } from '../training/examples.ts'
import { columnsOf, computeFeatures, type Features } from '../training/features.ts'
import { asProgress, type StrategyEvent, type Task } from '../training/task.ts'
import type { Backbone } from './backbone.ts'
import { compareFolds } from './compare-folds.ts'
import { type Depth, featuresAt } from './depths.ts'
import { standardize } from './head.ts'
import { type Probe, probeFolds } from './probe.ts'
import { augmentation } from './tune.ts'

/** How far a network is reused, the frozen features there in all views, and output layers on them. */
export type Reused = {
  readonly depth: Depth
  /** From pixels to the features. */
  readonly graph: Graph
  readonly features: Features
  readonly probe: Probe
}

/** More images rank the depths no better. */
const mostImages = 200
/** How many depths are tried on the folds beside the top. */
const mostRivals = 2
/** How many a decision names. */
const mostShown = 5

/**
 * How far to reuse a network: all depths are ranked by one pass over the images, and those that seem better than the top are tried on the
 * folds beside it. Another one is taken where its held-out loss is lower by more than a standard error.
 *
 * @param network the backbone, from pixels on
 */
export async function* chooseDepth(
  task: Task,
  backbone: Backbone,
  network: Graph,
  images: Images,
  views: { readonly count: number; readonly random: Task['random'] },
): AsyncGenerator<StrategyEvent, Reused> {
  const ranked = yield* rankDepths(task, backbone, network, images)
  const top = backbone.depths.at(-1) as Depth
  const own = ranked.find(({ depth }) => depth === top) as Ranked
  const rivals = ranked
    .filter(({ explained }) => explained > own.explained)
    .slice(0, mostRivals)
    .map(({ depth }) => depth)
  const candidates = [top, ...rivals]
  const all = yield* asProgress(
    'transfer, features',
    computeFeatures(
      featuresAt(network, candidates),
      imageExamples(images, augmentation),
      task.runtime,
      { views },
    ),
  )
  let best: Reused | null = null
  for (const [index, features] of split(all, candidates).entries()) {
    const depth = candidates[index] as Depth
    const name = index === 0 ? 'output layer' : `output layer at ${depth.name}`
    const probe = yield* probeFolds(task, features, name)
    const tried = { depth, graph: featuresAt(network, [depth]), features, probe }
    if (!best) {
      best = tried
      continue
    }
    const before = best
    const comparison = compareFolds(
      task,
      before.probe.losses,
      probe.losses,
      Number.POSITIVE_INFINITY,
    )
    const kept = comparison.reliable && comparison.difference > 0
    const [from, to] = [before, tried].map((one) => mean(one.probe.losses).toFixed(3))
    yield {
      type: 'decision',
      sentence:
        `reused up to ${depth.name} instead of ${before.depth.name}: held-out loss ${from} -> ${to}, ` +
        `${(-comparison.difference).toFixed(3)} +- ${(comparison.high - comparison.difference).toFixed(3)}: ${kept ? 'kept' : 'taken back'}`,
      kept,
    }
    if (kept) best = tried
  }
  return best as Reused
}

type Ranked = { readonly depth: Depth; readonly explained: number; readonly accuracy: number }

/** All depths by how well ridge regression on their features tells the classes of images that it has not seen, the best first. */
async function* rankDepths(
  task: Task,
  { depths, scores }: Backbone,
  network: Graph,
  images: Images,
): AsyncGenerator<StrategyEvent, readonly Ranked[]> {
  const { labels, classes, random, runtime } = task
  const candidates = scores ? [...depths, scores] : depths
  const order = random.fork('depths').shuffle(Array.from(labels, (_, index) => index))
  const indices = order.slice(0, mostImages)
  const all = yield* asProgress(
    'transfer, depths',
    computeFeatures(featuresAt(network, candidates), imageExamples(images), runtime, { indices }),
  )
  const truth = indices.map((index) => labels[index] as number)
  const rows = indices.map((_, row) => row)
  const ranked = split(all, candidates).map((features, index): Ranked => {
    const { data, columns } = standardize(features, rows, 'common')
    const vectors = rows.map((row) => data.subarray(row * columns, (row + 1) * columns))
    const { explained, accuracy } = leaveOneOutScore(vectors, truth, classes.length)
    return { depth: candidates[index] as Depth, explained, accuracy }
  })
  ranked.sort((a, b) => b.explained - a.explained)
  const shown = ranked.slice(0, mostShown).map(({ depth, explained }) => {
    return `${depth.name} ${explained.toFixed(3)}`
  })
  const more = ranked.length > mostShown ? ` and ${ranked.length - mostShown} lower ones` : ''
  yield {
    type: 'decision',
    sentence: `depths by leave-one-out score: ${shown.join(', ')}${more}`,
    kept: true,
  }
  return ranked
}

/** Features that lie side by side, apart. */
function split(features: Features, depths: readonly Depth[]): Features[] {
  let first = 0
  return depths.map((depth) => {
    const own = columnsOf(features, first, depth.features)
    first += depth.features
    return own
  })
}
