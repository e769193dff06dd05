import type { Images } from '../data/pixels.ts'
import { GraftError } from '../errors.ts'
import { mean } from '../statistics/summaries.ts'
import type { FoldResult, StrategyEvent, Task } from '../training/task.ts'
import type { Backbone } from './backbone.ts'
import type { Reused } from './choose-depth.ts'
import { compareFolds } from './compare-folds.ts'
import { createTuner, type Thaw, type Tuner, tuneFolds, tuningRate } from './tune.ts'

/** What was thawed, and how well that did on the folds. */
export type Thawed = {
  /** The value up to which all stays frozen; null where everything is thawed. */
  readonly from: string | null
  readonly what: string
  readonly tuner: Tuner
  readonly folds: readonly FoldResult[]
}

/**
 * Thaws reused layers from the top, at a low rate and from the trained output layer (LP-FT; Kumar et al., 2022): the top two blocks, then
 * all, then the upper half where all were too many. Each is tried on the folds and kept where it gains more than a standard error over
 * the best so far.
 *
 * @returns null where everything stays frozen
 */
export async function* thaw(
  task: Task,
  { types }: Pick<Backbone, 'types'>,
  { depth, graph, probe }: Reused,
  images: Images,
  views: Thaw['views'],
): AsyncGenerator<StrategyEvent, Thawed | null> {
  const { blocks } = depth
  let best: Thawed | null = null
  let left = task.multiplyAdds
  const tried = new Map<number, boolean>()
  for (
    let count = nextCount(blocks.length, tried);
    count > 0;
    count = nextCount(blocks.length, tried)
  ) {
    const from = count < blocks.length ? (blocks[blocks.length - count]?.from as string) : null
    const what = describe(count, blocks.length)
    const type = from === null ? undefined : types.get(from)
    const tuner = yield* tunerOrReason(
      createTuner(
        { ...task, multiplyAdds: left },
        {
          network: graph,
          features: depth.features,
          from: from !== null && type ? { name: from, type } : null,
          images,
          views,
        },
      ),
    )
    if ('reason' in tuner) {
      tried.set(count, false)
      yield { type: 'decision', sentence: `${what} stay frozen: ${tuner.reason}`, kept: false }
      continue
    }
    left -= tuner.cost
    const folds = yield* tuneFolds(task, tuner, probe.heads, { what, key: `thawed-${count}` })
    const before: readonly FoldResult[] = best?.folds ?? probe.folds
    const comparison = compareFolds(task, accuracies(folds), accuracies(before))
    const { difference, high } = comparison
    const kept = comparison.reliable && difference > 0
    tried.set(count, kept)
    const [was, is] = [before, folds].map((results) => mean(accuracies(results)).toFixed(3))
    const gain =
      high < 1
        ? `, ${signed(difference)} +- ${points(high - difference)} points`
        : ', the same in every fold'
    yield {
      type: 'decision',
      sentence: `thawed ${what} at ${tuningRate} for ${tuner.epochs} epochs: ${was} -> ${is}${gain}: ${kept ? 'kept' : 'taken back'}`,
      kept,
    }
    if (!kept) {
      await tuner.release()
      continue
    }
    await best?.tuner.release()
    best = { from, what, tuner, folds }
  }
  return best
}

const accuracies = (folds: readonly FoldResult[]) => folds.map(({ accuracy }) => accuracy)
const points = (value: number) => (100 * value).toFixed(1)
const signed = (value: number) => `${value >= 0 ? '+' : ''}${points(value)}`

/** How many blocks to thaw next, of `all`, after what was tried and kept or taken back; 0 to stop. */
function nextCount(all: number, tried: ReadonlyMap<number, boolean>): number {
  const plan = [Math.min(2, all), all]
  // Where the top two helped and all did not, there may be something in between.
  if (tried.get(2) && tried.get(all) === false) plan.push(Math.ceil(all / 2))
  return plan.find((count) => !tried.has(count)) ?? 0
}

function describe(count: number, all: number): string {
  if (count === all) return 'all layers'
  return `the top ${count} of ${all} blocks`
}

/** A backbone that cannot be trained still gives features. */
async function* tunerOrReason(
  create: AsyncGenerator<StrategyEvent, Tuner>,
): AsyncGenerator<StrategyEvent, Tuner | { readonly reason: string }> {
  try {
    return yield* create
  } catch (error) {
    if (error instanceof GraftError && error.code === 'unsupported')
      return { reason: error.message }
    throw error
  }
}
