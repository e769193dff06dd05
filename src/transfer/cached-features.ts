import type { Images } from '../data/pixels.ts'
import type { Graph } from '../graph/graph.ts'
import { costOf } from '../training/cost.ts'
import {
  columnsOf,
  computeFeatures,
  type FeatureOptions,
  type Features,
} from '../training/features.ts'
import { asProgress, type StrategyEvent, type Task } from '../training/task.ts'
import { type Depth, featuresAt } from './depths.ts'
import { augmentedExamples } from './tune.ts'

/** Frozen features of several depths, all computed in one pass. */
export type CachedFeatures = {
  readonly depths: readonly Depth[]
  /** Those of all depths side by side. */
  readonly all: Features
  /** Those of one of the depths. */
  at(depth: Depth): Features
}

/** What the features of all depths may take, in bytes. */
const largestCache = 2 ** 30

const mostViews = 4

/**
 * Runs the images through a frozen network once.
 *
 * @param network the backbone, from pixels on
 * @param depths those that are wanted, the most important first; where memory ends, the last ones are left out
 * @param least how many of them are computed in any case
 */
export async function* cacheFeatures(
  task: Task,
  network: Graph,
  depths: readonly Depth[],
  images: Images,
  { least, views }: { readonly least: number; readonly views: FeatureOptions['views'] },
): AsyncGenerator<StrategyEvent, CachedFeatures> {
  const rows = images.count * (1 + (views?.count ?? 0))
  let columns = 0
  const kept = depths.filter(({ features }, index) => {
    columns += features
    return index < least || 4 * rows * columns <= largestCache
  })
  const all = yield* asProgress(
    'transfer, features',
    computeFeatures(
      featuresAt(network, kept),
      augmentedExamples(task, images),
      task.runtime,
      views ? { views } : {},
    ),
  )
  const known = new Map<Depth, Features>()
  return {
    depths: kept,
    all,
    at(depth) {
      const own = known.get(depth) ?? featuresOf(depth, kept, all)
      known.set(depth, own)
      return own
    },
  }
}

/** Further views of every image: as many as a tenth of the budget pays for, and no more than help. */
export async function affordableViews(
  task: Task,
  network: Graph,
): Promise<NonNullable<FeatureOptions['views']>> {
  const cost = await costOf(task, network)
  const affordable = Math.floor(task.multiplyAdds / (10 * cost * task.labels.length))
  return { count: Math.min(affordable, mostViews), random: task.random.fork('views') }
}

/** The features of one depth, of those of several side by side. */
export function featuresOf(depth: Depth, depths: readonly Depth[], all: Features): Features {
  const below = depths.slice(0, depths.indexOf(depth))
  const first = below.reduce((sum, { features }) => sum + features, 0)
  return columnsOf(all, first, depth.features)
}
