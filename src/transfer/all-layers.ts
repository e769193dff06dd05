import { orRelease } from '../events.ts'
import { pixelsInput } from '../training/normalization.ts'
import type { StrategyEvent, StrategyResult, Task } from '../training/task.ts'
import { type InitialValues, trainWhole, wholeEpochs } from '../training/train-whole.ts'
import { compareTrials } from './search.ts'

/** A pretrained network whose layers are those that are trained from scratch. */
export type Learned = {
  /** The strategy that it is learned by. */
  readonly name: string
  readonly initial: InitialValues
  /** The value of its last features. */
  readonly reusedUpTo: string
  /** What the metadata of a model say of it. */
  readonly provenance: Readonly<Record<string, string>>
}

/** The share of the epochs that help below which it is no use to train all layers: their rate would rise and fall before they have learned anything. */
const leastOfWhole = 1 / 10

/**
 * Trains all layers of a network as from scratch, but from the values that were learned, where the budget pays for it: what comes of it is kept where it is
 * better than how the network was reused before. There is a decision for it.
 */
export async function* orAllLayers(
  task: Task,
  reused: StrategyResult,
  { name, initial, reusedUpTo, provenance }: Learned,
): AsyncGenerator<StrategyEvent, StrategyResult> {
  const { affordable, most } = await wholeEpochs(task)
  if (affordable < leastOfWhole * most) {
    yield {
      type: 'decision',
      sentence: `not tried: all layers trained as from scratch, from the values that were learned: the budget pays for ${Math.floor(affordable)} of ${most} epochs`,
      kept: false,
    }
    return reused
  }
  const whole = yield* orRelease(reused, trainWhole(task, { name: `${name}, all layers`, initial }))
  const { kept, numbers } = compareTrials(task, reused, whole, false)
  const how = `all layers trained for ${whole.epochs} epochs, as from scratch, from the values that were learned`
  yield {
    type: 'decision',
    sentence: `${how}: ${numbers}: ${kept ? 'kept' : 'taken back'}`,
    kept,
  }
  if (!kept) return reused
  await reused.release?.()
  return {
    folds: whole.folds,
    losses: whole.losses,
    reusedUpTo,
    thawedFrom: pixelsInput,
    async *train() {
      const model = yield* whole.train()
      return { ...model, provenance: { strategy: name, ...provenance, ...model.provenance } }
    },
  }
}
