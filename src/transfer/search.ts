import { orRelease } from '../events.ts'
import { mean } from '../statistics/summaries.ts'
import type { FoldResult, StrategyEvent, Task } from '../training/task.ts'
import { compareFolds } from './compare-folds.ts'
import { type Known, moves } from './moves.ts'
import { keyOf, type Reuse } from './reuse.ts'

/** What was measured of a way to reuse a network. */
export type Trial = {
  readonly reuse: Reuse
  /** How it was trained, to follow what was done, such as "at 0.0001 for 20 epochs"; may be empty. */
  readonly how: string
  /** On the folds of the task, or as many of the first of them as the budget pays for. */
  readonly folds: readonly FoldResult[]
  /** The held-out log loss of each fold. */
  readonly losses: readonly number[]
}

/** What could not be tried, and why. */
export type Refusal = { readonly reason: string }

/** Choices that are not for the search to make. */
export type Choices = Partial<Omit<Reuse, 'thawed'>> & { readonly thawed?: number | 'all' }

/**
 * Looks for the best way to reuse a network, move by move from `start`. Every move is tried on the same folds as the best way so far; it is kept
 * where the held-out loss gains more than a standard error and accuracy does not lose; where it leads to nothing less simple, if the mean loss gains and accuracy
 * loses no more than a standard error. Accuracy alone decides nothing: of a few images it is a matter of luck. There is a decision for each.
 *
 * @param start what is tried first, and kept in any case; it agrees with `fixed`
 * @param evaluate tries one way; the trials that were not kept are given to `discard`
 */
export async function* search<T extends Trial>(
  task: Pick<Task, 'folds'>,
  start: T,
  known: Known,
  fixed: Choices,
  evaluate: (reuse: Reuse, best: T) => AsyncGenerator<StrategyEvent, T | Refusal>,
  discard: (trial: T) => Promise<void>,
): AsyncGenerator<StrategyEvent, T> {
  let best = start
  const tried = new Map<string, boolean>([[keyOf(start.reuse), true]])
  const events = (async function* (): AsyncGenerator<StrategyEvent, T> {
    for (;;) {
      const step = nextStep(best.reuse, known, fixed, tried)
      if (!step) return best
      const { reuse, what, isAsSimple } = step
      const trial = yield* evaluate(reuse, best)
      if ('reason' in trial) {
        tried.set(keyOf(reuse), false)
        yield { type: 'decision', sentence: `not tried: ${what}: ${trial.reason}`, kept: false }
        continue
      }
      const { kept, numbers } = compareTrials(task, best, trial, isAsSimple)
      tried.set(keyOf(reuse), kept)
      const how = trial.how && ` ${trial.how}`
      yield {
        type: 'decision',
        sentence: `${what}${how}: ${numbers}: ${kept ? 'kept' : 'taken back'}`,
        kept,
      }
      const lost = kept ? best : trial
      if (kept) best = trial
      await discard(lost)
    }
  })()
  return yield* orRelease({ release: () => discard(best) }, events)
}

function nextStep(at: Reuse, known: Known, fixed: Choices, tried: ReadonlyMap<string, boolean>) {
  const wasTakenBack = (reuse: Reuse) => tried.get(keyOf(reuse)) === false
  for (const move of moves) {
    const reuse = move
      .to(at, known, wasTakenBack)
      .find((candidate) => !tried.has(keyOf(candidate)) && agrees(candidate, fixed))
    if (reuse)
      return { reuse, what: move.describe(at, reuse), isAsSimple: move.isAsSimple ?? false }
  }
  return null
}

function agrees(reuse: Reuse, { thawed, ...fixed }: Choices): boolean {
  const wanted = thawed === 'all' ? reuse.depth.blocks.length : (thawed ?? reuse.thawed)
  const others = Object.entries(fixed) as [keyof Choices, unknown][]
  return reuse.thawed === wanted && others.every(([choice, value]) => reuse[choice] === value)
}

type Measured = Pick<Trial, 'folds' | 'losses'>

/** Pairs two trials on the folds that both were measured on, and says whether the second is kept. */
export function compareTrials(
  task: Pick<Task, 'folds'>,
  before: Measured,
  after: Measured,
  isAsSimple: boolean,
): { readonly kept: boolean; readonly numbers: string } {
  const count = Math.min(before.folds.length, after.folds.length)
  const pair = (of: (trial: Measured) => readonly number[], largest?: number) => {
    const [a, b] = [of(after).slice(0, count), of(before).slice(0, count)] as const
    return { a: mean(a), b: mean(b), ...compareFolds(task, a, b, largest) }
  }
  const accuracy = pair(({ folds }) => folds.map((fold) => fold.accuracy))
  const loss = pair(({ losses }) => losses, Number.POSITIVE_INFINITY)
  const isGain = loss.difference < 0 && (isAsSimple || loss.reliable)
  const isLoss = accuracy.difference < 0 && (!isAsSimple || accuracy.reliable)
  const kept = isGain && !isLoss
  // Without the sign of what rounds to zero.
  const points = (value: number) => ((Math.round(1000 * value) || 0) / 10).toFixed(1)
  // Equal differences have no spread, and say nothing of what others would be.
  const within = (half: number, show: (value: number) => string) =>
    Number.isFinite(half) ? ` +- ${show(half)}` : ''
  const everywhere = (half: number) => (Number.isFinite(half) ? '' : ' in every fold')
  const gain =
    !Number.isFinite(accuracy.half) && accuracy.difference === 0
      ? 'the same in every fold'
      : `${accuracy.difference > -5e-4 ? '+' : ''}${points(accuracy.difference)}${within(accuracy.half, points)} points${everywhere(accuracy.half)}`
  const change = `${loss.difference.toFixed(3)}${within(loss.half, (value) => value.toFixed(3))}${everywhere(loss.half)}`
  return {
    kept,
    numbers: `${accuracy.b.toFixed(3)} -> ${accuracy.a.toFixed(3)}, ${gain}; loss ${loss.b.toFixed(3)} -> ${loss.a.toFixed(3)}, ${change}`,
  }
}
