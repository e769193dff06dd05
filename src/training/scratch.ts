import type { Strategy } from './task.ts'
import { trainWhole } from './train-whole.ts'

/** A network for the image size, all layers trained from random values: what the other strategies have to beat. */
export const scratch: Strategy = {
  name: 'scratch',
  unavailable: null,
  async *run(task) {
    const { folds, losses, train } = yield* trainWhole(task, { name: 'scratch' })
    return {
      folds,
      losses,
      reusedUpTo: null,
      thawedFrom: null,
      async *train() {
        const model = yield* train()
        return { ...model, provenance: { strategy: 'scratch', ...model.provenance } }
      },
    }
  },
}
