import type { Images } from '../data/pixels.ts'
import { GraftError } from '../errors.ts'
import { orRelease } from '../events.ts'
import { cutAt } from '../graph/compose.ts'
import type { Graph } from '../graph/graph.ts'
import type { TensorType } from '../graph/tensor.ts'
import { mean } from '../statistics/summaries.ts'
import type { FeatureOptions } from '../training/features.ts'
import { type FoldResult, remember, type StrategyEvent, type Task } from '../training/task.ts'
import type { CachedFeatures } from './cached-features.ts'
import { type Depth, featuresAt } from './depths.ts'
import { headBias, headWeight, withHead } from './head.ts'
import { createHeads, type Heads } from './heads.ts'
import { newBlockPrefix, withNewBlocks } from './new-blocks.ts'
import { normalizationsIn } from './normalizations.ts'
import { describeRegularization, type Probe } from './probe.ts'
import { frozenEnd, keyOf, type Reuse } from './reuse.ts'
import type { Refusal, Trial } from './search.ts'
import { bestEpoch, createTuner, type Tuned, type Tuner } from './tune.ts'

/** A way to reuse a network that was tried, and how to train its model on all labels. */
export type ReuseTrial = Trial & {
  /** From pixels to logits, and the names of the parameters and statistics that were not frozen. */
  train(): AsyncGenerator<
    StrategyEvent,
    { readonly graph: Graph; readonly trained: ReadonlySet<string> }
  >
  release(): Promise<void>
}

export type TrialContext = {
  readonly task: Task
  /** The types of the network's values. */
  readonly types: ReadonlyMap<string, TensorType>
  /** The batch normalizations of the network by the value that each computes. */
  readonly normalizations: ReadonlyMap<string, string>
  /** The backbone, from pixels on. */
  readonly network: Graph
  readonly images: Images
  /** Images without labels to learn from beside; null where there are none. */
  readonly unlabelled: Images | null
  readonly views: FeatureOptions['views']
  readonly cached: CachedFeatures
  /** Of the output layer and the uppermost thawed block; null to find it by a range test. */
  readonly thawRate: number | null
}

/** By how much slower each block learns than the one above it (Howard and Ruder, 2018, divide by 2.6 for a few groups of layers). */
const layerwiseDecay = 0.85
/** What begins at random values learns by so much faster. */
const newRate = 10
/** By how much faster to try again what was still getting better at its end, and the share of what is left that this may cost. */
const retryFactor = 4
const shareOfRetry = 1 / 4

/**
 * Tries ways to reuse a network, one after the other, each within half of what the budget has left. What is no better than the best so far
 * after one repeat of the folds is not measured on the others.
 */
export function createTrials(
  context: TrialContext,
): (reuse: Reuse, best: Trial | null) => AsyncGenerator<StrategyEvent, ReuseTrial | Refusal> {
  let left = context.task.multiplyAdds
  const heads = createHeads(context)
  return async function* (reuse, best) {
    if (reuse.thawed === 0 && reuse.added === 0) {
      return frozenTrial(context, heads, reuse, yield* heads.onFolds(reuse))
    }
    // Probe first, then tune (LP-FT; Kumar et al., 2022): an output layer of random values would wreck what is reused.
    const probe = reuse.added === 0 ? yield* heads.onFolds(reuse) : null
    const tuner = yield* tunerOrReason(
      { ...context.task, multiplyAdds: best ? left / 2 : left },
      context,
      reuse,
    )
    if ('reason' in tuner) return tuner
    left -= tuner.cost
    const more = () => {
      if (tuner.cost > left * shareOfRetry) return false
      left -= tuner.cost
      return true
    }
    const trial = tunedTrial(context, heads, reuse, probe, tuner, best, more)
    return yield* orRelease(tuner, trial)
  }
}

function frozenTrial(
  { task, network, cached }: TrialContext,
  heads: Heads,
  reuse: Reuse,
  probe: Probe,
): ReuseTrial {
  const { regularization, folds, losses } = probe
  const depths = reuse.head === 'selected' ? cached.depths : [reuse.depth]
  const columns = depths.reduce((sum, { features }) => sum + features, 0)
  return {
    reuse,
    how: `(${describeRegularization(regularization)})`,
    folds,
    losses,
    async *train() {
      const head = yield* heads.onAll(reuse, probe)
      const graph = featuresAt(network, depths)
      return {
        graph: withHead(graph, columns, task.classes.length, head),
        trained: new Set([headWeight, headBias]),
      }
    },
    async release() {},
  }
}

/** What is kept of a fold. */
type Fit = Pick<Tuned, 'curve' | 'losses'> & { readonly seconds: number }

/** Trains on the folds at one rate; `again` counts the rates that were tried before. */
async function* fitFolds(
  { task }: TrialContext,
  {
    key,
    again,
    probe,
    tuner,
    best,
    learningRate,
  }: {
    readonly key: string
    readonly again: number
    readonly probe: Probe | null
    readonly tuner: Tuner
    readonly best: Trial | null
    readonly learningRate: number
  },
): AsyncGenerator<StrategyEvent, readonly Fit[]> {
  const fits: Fit[] = []
  const name = again === 0 ? key : `${key}-faster-${again}`
  for (const [index, { train, validation, repeat }] of tuner.folds.entries()) {
    const isNextRepeat = repeat > 0 && tuner.folds[index - 1]?.repeat !== repeat
    if (isNextRepeat && best && isHopeless(fits, best)) break
    const phase = `transfer, ${name}, fold ${index + 1} of ${tuner.folds.length}`
    const fitted = async function* (): AsyncGenerator<StrategyEvent, Fit> {
      const start = performance.now()
      const random = task.random.fork(`thawed fold ${index}`)
      const head = probe?.heads[index] ?? null
      const { curve, losses } = yield* tuner.fit({
        phase,
        head,
        train,
        validation,
        learningRate,
        random,
      })
      return { curve, losses, seconds: (performance.now() - start) / 1000 }
    }
    fits.push(yield* remember(task.checkpoints, `transfer-${name}-fold-${index}`, fitted))
  }
  return fits
}

async function* tunedTrial(
  context: TrialContext,
  heads: Heads,
  reuse: Reuse,
  probe: Probe | null,
  tuner: Tuner,
  best: Trial | null,
  more: () => boolean,
): AsyncGenerator<StrategyEvent, ReuseTrial | Refusal> {
  const { task } = context
  const key = keyOf(reuse)
  const first =
    context.thawRate ??
    (yield* remember(task.checkpoints, `transfer-${key}-rate`, () =>
      testedRate(context, key, probe, tuner),
    ))
  const at = (rate: number, again: number) =>
    fitFolds(context, { key, again, probe, tuner, best, learningRate: rate })
  let [learningRate, fits] = [first, yield* at(first, 0)]
  // Best at the very end: it had not learned enough, and the range test was too careful.
  for (
    let again = 1;
    context.thawRate === null && bestEpoch(fits).epoch === tuner.epochs;
    again++
  ) {
    const faster = learningRate * retryFactor
    if (faster > highestRate || !more()) break
    const next = yield* at(faster, again)
    const count = Math.min(fits.length, next.length)
    const lossOf = (of: readonly Fit[]) => {
      const { epoch, losses } = bestEpoch(of)
      return epoch === 0 ? Number.POSITIVE_INFINITY : mean(losses.slice(0, count))
    }
    if (!(lossOf(next) < lossOf(fits))) break
    ;[learningRate, fits] = [faster, next]
  }
  const { epoch, losses } = bestEpoch(fits)
  if (epoch === 0) {
    await tuner.release()
    return { reason: `at a learning rate of ${learningRate} the loss is not finite` }
  }
  const folds = fits.map(({ curve, seconds }, fold): FoldResult => {
    const accuracy = curve[epoch - 1]?.validationAccuracy ?? 0
    return { fold, accuracy, seconds, curve: curve.slice(0, epoch) }
  })
  return {
    reuse,
    how: `at ${Number(learningRate.toPrecision(2))} for ${epoch} of ${tuner.epochs} epochs`,
    folds,
    losses,
    async *train() {
      const head = probe ? yield* heads.onAll(reuse, probe) : null
      return yield* tuner.fit({
        phase: `transfer, ${key}, all labels`,
        head,
        train: Array.from(task.labels, (_, row) => row),
        validation: [],
        learningRate,
        stopAfter: epoch,
        random: task.random.fork('transfer'),
      })
    },
    release: () => tuner.release(),
  }
}

/** Where a range test says nothing, and how far from it that may be: a test of a few steps can be badly wrong. */
const usualRate = 1e-4
const [lowestRate, highestRate] = [1e-5, 3e-3]

/** The learning rate by a range test on the training images of the first fold. */
async function* testedRate(
  { task }: TrialContext,
  key: string,
  probe: Probe | null,
  tuner: Tuner,
): AsyncGenerator<StrategyEvent, number> {
  const rate = yield* tuner.findRate({
    phase: `transfer, ${key}, learning rate`,
    head: probe?.heads[0] ?? null,
    train: tuner.folds[0]?.train ?? [],
    random: task.random.fork('rate'),
  })
  return rate === null ? usualRate : Math.min(Math.max(rate, lowestRate), highestRate)
}

/** Whether what was tried so far is no better in any way. */
function isHopeless(fits: readonly Fit[], { folds, losses }: Trial): boolean {
  const count = fits.length
  const { epoch, losses: own } = bestEpoch(fits)
  if (epoch === 0) return true
  const accuracy = mean(fits.map(({ curve }) => curve[epoch - 1]?.validationAccuracy ?? 0))
  const before = mean(folds.slice(0, count).map((fold) => fold.accuracy))
  return mean(own) >= mean(losses.slice(0, count)) || accuracy < before
}

/** A network that cannot be trained, or not within the budget, still gives features. */
async function* tunerOrReason(
  task: Task,
  context: TrialContext,
  reuse: Reuse,
): AsyncGenerator<StrategyEvent, Tuner | Refusal> {
  const { network, types, images, views } = context
  const { depth, added } = reuse
  const upper =
    added > 0
      ? withNewBlocks(network, depth, added, task.random.fork('new blocks'))
      : { graph: featuresAt(network, [depth]), features: depth.features }
  const end = frozenEnd(reuse)
  const type = end === null ? undefined : types.get(end)
  try {
    return yield* createTuner(task, {
      network: upper.graph,
      features: upper.features,
      from: end !== null && type ? { name: end, type } : null,
      images,
      views,
      reused: new Set(network.initializers.keys()),
      multipliers: multipliersOf(upper.graph, depth, added),
      batchStatistics: reuse.statistics === 'batch' ? normalizationsIn(context, reuse) : new Set(),
    })
  } catch (error) {
    if (error instanceof GraftError && error.code === 'unsupported') {
      return { reason: error.message }
    }
    throw error
  }
}

/** Lower blocks learn slower, new ones faster. */
function multipliersOf(network: Graph, { blocks }: Depth, added: number): Map<string, number> {
  const multipliers = new Map<string, number>()
  for (const [index, { to }] of blocks.entries()) {
    const rate = layerwiseDecay ** (blocks.length - 1 - index)
    for (const name of cutAt(network, to).initializers.keys()) {
      if (!multipliers.has(name)) multipliers.set(name, rate)
    }
  }
  if (added === 0) return multipliers
  for (const name of network.initializers.keys()) {
    if (name.startsWith(newBlockPrefix)) multipliers.set(name, newRate)
  }
  return multipliers.set(headWeight, newRate).set(headBias, newRate)
}
