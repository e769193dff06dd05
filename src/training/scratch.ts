import { named, type Strategy } from './task.ts'
import { trainWhole } from './train-whole.ts'

/** A network for the image size, all layers trained from random values: what the other strategies have to beat. */
export const scratch: Strategy = {
  name: 'scratch',
  unavailable: null,
  async *run(task) {
    const checkpoints = named(task.checkpoints, 'scratch')
    const whole = yield* trainWhole({ ...task, checkpoints }, { name: 'scratch' })
    return {
      folds: whole.folds,
      losses: whole.losses,
      reusedUpTo: null,
      thawedFrom: null,
      async *train() {
        const model = yield* whole.train()
        return { ...model, provenance: { strategy: 'scratch', ...model.provenance } }
      },
    }
  },
}
