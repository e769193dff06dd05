import { GraftError } from '../errors.ts'
import { mean } from '../statistics/summaries.ts'
import type { StrategyEvent } from '../training/task.ts'
import { type Backbone, notFinite } from './backbone.ts'
import { cacheFeatures } from './cached-features.ts'
import { type ReuseChoices, resolveChoices } from './choices.ts'
import type { Depth } from './depths.ts'
import type { Known } from './moves.ts'
import { normalizationsByValue, normalizationsIn } from './normalizations.ts'
import { lowerDepth, rankDepths, rivalsOf } from './rank-depths.ts'
import { describeDepth, type Reuse, topBlocks } from './reuse.ts'
import { search } from './search.ts'
import { createTrials, type ReuseTrial, type TrialContext } from './trials.ts'

/** Labels of each class that are enough to train new blocks. */
const plenty = 100

/** Ranks the depths of a network in one pass, and searches from there for the best way to reuse it. */
export async function* findReuse(
  backbone: Backbone,
  given: Pick<TrialContext, 'task' | 'network' | 'images' | 'views' | 'unlabelled'>,
  choices: ReuseChoices,
): AsyncGenerator<StrategyEvent, ReuseTrial> {
  const { task, network, images, views } = given
  const { fixed, start } = resolveChoices(backbone, choices)
  const { depths, scores, open } = backbone
  const top = depths.at(-1) as Depth
  const candidates = scores ? [...depths, scores] : depths
  const ranked = yield* rankDepths(task, candidates, network, images)
  const own = ranked.find(({ depth }) => depth === start.depth)
  if (own?.explained === Number.NEGATIVE_INFINITY) throw notFinite()
  const rivals = rivalsOf(ranked, top)
  const first = [start.depth, top, ...rivals]
  const wanted = [...new Set([...first, ...ranked.map(({ depth }) => depth)])]
  const cached = yield* cacheFeatures(task, network, wanted, images, {
    least: new Set(first).size,
    views,
  })
  const within = ranked.filter(({ depth }) => cached.depths.includes(depth))
  const context: TrialContext = {
    ...given,
    types: backbone.types,
    normalizations: normalizationsByValue(open),
    cached,
    thawRate: choices.thawRate,
  }
  const known: Known = {
    top,
    rivals,
    isSelectable: cached.depths.length > 1,
    hasUnlabelled: given.unlabelled !== null,
    lower: (depth) => lowerDepth(within, depth),
    isPlenty: task.labels.length >= plenty * task.classes.length,
    isNormalized: (depth, thawed) =>
      normalizationsIn(context, { ...start, depth, thawed }).size > 0,
  }
  const evaluate = createTrials(context)
  const begin = yield* evaluate(start, null)
  if ('reason' in begin) throw new GraftError('unsupported', begin.reason)
  const accuracy = mean(begin.folds.map((fold) => fold.accuracy))
  yield {
    type: 'decision',
    sentence: `${describeStart(start)} ${begin.how}: ${accuracy.toFixed(3)}`,
    kept: true,
  }
  return yield* search(task, begin, known, fixed, evaluate, ({ release }) => release())
}

function describeStart({ depth, head, thawed, added }: Reuse): string {
  const above = added > 0 ? ` on ${added} new block${added > 1 ? 's' : ''}` : ''
  const reads = head === 'selected' ? 'features of all depths' : describeDepth(depth)
  const state = thawed > 0 ? `${topBlocks(depth, thawed)} thawed` : 'all frozen'
  return `new output layer${above} on ${reads}, ${state}`
}
