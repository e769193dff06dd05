import { GraftError } from '../errors.ts'
import type {
  Strategy,
  StrategyEvent,
  StrategyResult,
  Task,
  TrainedModel,
} from '../training/task.ts'
import type { StrategyRecord } from './record.ts'
import { tryStrategy } from './try-strategy.ts'
import { type Judgement, judge } from './verdict.ts'

export type FitEvent =
  | StrategyEvent
  | { readonly type: 'strategy'; readonly name: string; readonly status: 'started' }
  | ({ readonly type: 'strategy' } & Pick<
      StrategyRecord,
      'name' | 'status' | 'reason' | 'accuracy'
    >)
  | { readonly type: 'verdict'; readonly sentence: string }

/**
 * Tries the strategies one after the other, chooses one by their folds and trains its model on all labels. However that ends, nothing stays compiled.
 *
 * @param keep is given the records of those that were tried so far
 */
export async function* chooseStrategy(
  strategies: readonly Strategy[],
  task: Task,
  testToTrain: number,
  keep: (records: readonly StrategyRecord[]) => Promise<void>,
): AsyncGenerator<
  FitEvent,
  {
    readonly records: readonly StrategyRecord[]
    readonly judgement: Judgement
    readonly model: TrainedModel
  }
> {
  const records: StrategyRecord[] = []
  const results = new Map<string, StrategyResult>()
  try {
    for (const strategy of strategies) {
      yield { type: 'strategy', name: strategy.name, status: 'started' }
      const { record, result } = yield* tryStrategy(strategy, task, testToTrain)
      records.push(record)
      if (result) results.set(strategy.name, result)
      const { name, status, reason, accuracy } = record
      yield { type: 'strategy', name, status, reason, accuracy }
      await keep(records)
    }
    const judgement = judge(records, testToTrain)
    if (!judgement) {
      const reasons = records.map(({ name, reason }) => `${name}: ${reason}`).join('; ')
      throw new GraftError('bad-input', `every strategy failed: ${reasons}`)
    }
    yield { type: 'verdict', sentence: judgement.sentence }
    const model = yield* (results.get(judgement.chosen.name) as StrategyResult).train()
    return { records, judgement, model }
  } finally {
    for (const { release } of results.values()) await release?.()
  }
}
