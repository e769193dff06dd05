import { expect, test } from 'vitest'
import { broadOrNarrow } from '../../testing/broad-or-narrow.ts'
import { collect } from '../../testing/collect.ts'
import type { Strategy, TrainedModel } from '../training/task.ts'
import { chooseStrategy } from './choose-strategy.ts'

const task = broadOrNarrow(1)

/** A strategy that is right so often, and says when it is released. */
function strategy(name: string, accuracy: number, released: string[], fails = false): Strategy {
  const folds = task.folds.map((_, fold) => ({ fold, accuracy, seconds: 0, curve: [] }))
  return {
    name,
    unavailable: null,
    async *run() {
      return {
        folds,
        losses: folds.map(() => 1),
        reusedUpTo: null,
        thawedFrom: null,
        // biome-ignore lint/correctness/useYield: there is nothing to tell.
        async *train() {
          if (fails) throw new Error('out of memory')
          return { provenance: { name } } as unknown as TrainedModel
        },
        release: async () => void released.push(name),
      }
    },
  }
}

const keep = async () => {}

test('the strategy that is best on the folds gives the model, and all are released once', async () => {
  const released: string[] = []
  const strategies = [strategy('poor', 0.5, released), strategy('good', 0.9, released)]
  const { events, result } = await collect(chooseStrategy(strategies, task, 0.3, keep))
  expect(result.model.provenance.name).toBe('good')
  expect(result.records.map(({ name }) => name)).toEqual(['poor', 'good'])
  expect(events.at(-1)).toMatchObject({ type: 'verdict' })
  expect(released).toEqual(['poor', 'good'])
})

test('all are released where the model cannot be trained, and where nobody listens any more', async () => {
  const released: string[] = []
  const strategies = [strategy('poor', 0.5, released), strategy('good', 0.9, released, true)]
  await expect(collect(chooseStrategy(strategies, task, 0.3, keep))).rejects.toThrow('memory')
  expect(released).toEqual(['poor', 'good'])
  for await (const event of chooseStrategy(strategies, task, 0.3, keep)) {
    if (event.type === 'verdict') break
  }
  expect(released).toEqual(['poor', 'good', 'poor', 'good'])
})
