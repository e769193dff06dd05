import { comparePaired, type PairedComparison } from '../statistics/paired.ts'
import type { Task } from '../training/task.ts'

/** One standard error: what a change has to gain to be worth the risk. */
const oneStandardError = 0.6827

/**
 * By how much one number a fold lies above another, beyond the noise of the folds or not.
 *
 * @param largest what no difference can exceed; default 1, as for accuracies
 */
export function compareFolds(
  { folds }: Pick<Task, 'folds'>,
  a: readonly number[],
  b: readonly number[],
  largest = 1,
): PairedComparison {
  const [first] = folds as [Task['folds'][number]]
  const testToTrain = first.validation.length / first.train.length
  return comparePaired(a, b, { testToTrain, confidence: oneStandardError, largest })
}
