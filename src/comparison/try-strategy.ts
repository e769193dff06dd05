import { GraftError } from '../errors.ts'
import { mapEvents } from '../events.ts'
import { accuracyInterval } from '../statistics/means.ts'
import type { Strategy, StrategyEvent, StrategyResult, Task } from '../training/task.ts'
import type { StrategyRecord } from './record.ts'

/**
 * Runs a strategy on the folds of a task. One that cannot be tried is skipped, and one that fails leaves the others their turn.
 *
 * @param testToTrain held-out images over training images in each fold
 */
export async function* tryStrategy(
  strategy: Strategy,
  task: Task,
  testToTrain: number,
): AsyncGenerator<StrategyEvent, { record: StrategyRecord; result: StrategyResult | null }> {
  const start = performance.now()
  const decisions: { sentence: string; kept: boolean }[] = []
  const blank: StrategyRecord = {
    name: strategy.name,
    status: 'skipped',
    reason: strategy.unavailable,
    accuracy: null,
    seconds: 0,
    reusedUpTo: null,
    thawedFrom: null,
    folds: [],
    decisions,
  }
  if (strategy.unavailable !== null) return { record: blank, result: null }
  const forked: Task = { ...task, random: task.random.fork(strategy.name) }
  try {
    const result = yield* mapEvents(strategy.run(forked), (event) => {
      if (event.type === 'decision') decisions.push(event)
      return event
    })
    const accuracy = accuracyInterval(
      result.folds.map((fold) => fold.accuracy),
      { testToTrain, scored: new Set(task.folds.flatMap(({ validation }) => validation)).size },
    )
    const { folds, reusedUpTo, thawedFrom } = result
    const seconds = (performance.now() - start) / 1000
    const record = {
      ...blank,
      status: 'done',
      accuracy,
      seconds,
      folds,
      reusedUpTo,
      thawedFrom,
    } as const
    return { record, result }
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    const seconds = (performance.now() - start) / 1000
    return { record: { ...blank, status: 'failed', reason: error.message, seconds }, result: null }
  }
}
