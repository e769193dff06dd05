import type { Images } from '../data/pixels.ts'
import type { Graph } from '../graph/graph.ts'
import { type LeaveOneOut, leaveOneOutScore, withinNoise } from '../statistics/leave-one-out.ts'
import { imageExamples } from '../training/examples.ts'
import { computeFeatures } from '../training/features.ts'
import { asProgress, type StrategyEvent, type Task } from '../training/task.ts'
import { featuresOf } from './cached-features.ts'
import { type Depth, featuresAt } from './depths.ts'
import { describeDepth } from './reuse.ts'
import { standardize } from './standardize.ts'

/** A depth and how well a linear model on its features tells the classes of images that it has not seen. */
export type Ranked = LeaveOneOut & { readonly depth: Depth }

/** More images rank the depths no better. */
const mostImages = 200
/** How many depths seem good enough to be tried beside the top. */
const mostRivals = 2
/** How many a decision names. */
const mostShown = 5

/**
 * All depths of a network by the leave-one-out score of ridge regression on their features, the best first: one pass over the images.
 *
 * @param network from pixels on
 */
export async function* rankDepths(
  { labels, classes, random, runtime }: Pick<Task, 'labels' | 'classes' | 'random' | 'runtime'>,
  depths: readonly Depth[],
  network: Graph,
  images: Images,
): AsyncGenerator<StrategyEvent, readonly Ranked[]> {
  const order = random.fork('depths').shuffle(Array.from(labels, (_, index) => index))
  const indices = order.slice(0, mostImages)
  const all = yield* asProgress(
    'transfer, depths',
    computeFeatures(featuresAt(network, depths), imageExamples(images), runtime, { indices }),
  )
  const truth = indices.map((index) => labels[index] as number)
  const rows = indices.map((_, row) => row)
  const ranked = depths.map((depth): Ranked => {
    const features = featuresOf(depth, depths, all)
    const { columns } = features
    const { data } = standardize(features, rows, 'common')
    const vectors = rows.map((row) => data.subarray(row * columns, (row + 1) * columns))
    return { ...leaveOneOutScore(vectors, truth, classes.length), depth }
  })
  ranked.sort((a, b) => b.explained - a.explained)
  const shown = ranked.slice(0, mostShown).map(({ depth, explained, evidence }) => {
    return `${describeDepth(depth)} ${explained.toFixed(3)} (${evidence.toFixed(3)})`
  })
  const more = ranked.length > mostShown ? ` and ${ranked.length - mostShown} lower ones` : ''
  yield {
    type: 'decision',
    sentence: `depths by leave-one-out score (and LogME): ${shown.join(', ')}${more}`,
    kept: true,
  }
  return ranked
}

/** The depths that seem better than the top one: first the best by leave-one-out score, then the best by LogME. */
export function rivalsOf(ranked: readonly Ranked[], top: Depth): Depth[] {
  const own = ranked.find(({ depth }) => depth === top) as Ranked
  const byScore = ranked.filter(({ explained }) => explained > own.explained)
  const byEvidence = ranked
    .filter(({ evidence }) => evidence > own.evidence)
    .sort((a, b) => b.evidence - a.evidence)
  const [best] = byScore
  const [likeliest] = byEvidence
  const wanted = [best, likeliest, ...byScore, ...byEvidence].flatMap((one) => one?.depth ?? [])
  return [...new Set(wanted)].slice(0, mostRivals)
}

/** The highest depth below another one of which it cannot be said that it explains the labels less well; null where there is none. */
export function lowerDepth(ranked: readonly Ranked[], depth: Depth): Depth | null {
  const own = ranked.find((one) => one.depth === depth)
  const below = ranked
    .filter((one) => one.depth.blocks.length < depth.blocks.length)
    .sort((a, b) => b.depth.blocks.length - a.depth.blocks.length)
  return below.find((one) => own && withinNoise(one, own))?.depth ?? null
}
