import { expect, test } from 'vitest'
import { broadOrNarrow } from '../../testing/broad-or-narrow.ts'
import { collect } from '../../testing/collect.ts'
import { mean } from '../statistics/summaries.ts'
import { trainWhole } from './train-whole.ts'

const begin = { name: 'scratch' }

test('training goes on from given values: those of a network that knows the answers are better after three epochs', async () => {
  const { result: random } = await collect(trainWhole(broadOrNarrow(0), begin))
  const { result: trained } = await collect(trainWhole(broadOrNarrow(1e10), begin))
  expect([random.epochs, random.folds.length, random.losses.length]).toEqual([3, 4, 4])
  expect(trained.epochs).toBeGreaterThan(6)
  expect(mean(trained.losses)).toBeLessThan(mean(random.losses))
  const { events, result: model } = await collect(trained.train())
  expect(events).toHaveLength(trained.epochs)
  expect(events[0]).toMatchObject({ type: 'epoch', phase: 'scratch, all labels' })
  // biome-ignore lint/correctness/useYield: they are there.
  const initial = async function* () {
    return model.graph.initializers
  }
  const { result: continued } = await collect(trainWhole(broadOrNarrow(0), { ...begin, initial }))
  expect(mean(continued.losses)).toBeLessThan(0.8 * mean(random.losses))
})

test('finished folds are not trained again, and measure the same', async () => {
  const task = broadOrNarrow(0)
  const first = await collect(trainWhole(task, begin))
  expect(first.events).toHaveLength(12)
  const second = await collect(trainWhole(task, begin))
  expect(second.events).toEqual([])
  expect(second.result.folds).toEqual(first.result.folds)
  expect(second.result.losses).toEqual(first.result.losses)
})
