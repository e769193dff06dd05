import { expect, test } from 'vitest'
import { broadOrNarrow } from '../../testing/broad-or-narrow.ts'
import { collect } from '../../testing/collect.ts'
import { float32 } from '../graph/tensor.ts'
import type { PretrainingMethod } from '../pretraining/method.ts'
import { backboneOf } from '../pretraining/networks.ts'
import type { StrategyEvent } from '../training/task.ts'
import { choicesIn } from './choices.ts'
import { pretrained } from './pretrained.ts'

/** A method that gives a network whose first layer is dead until its statistics are those of the images. */
const blindness: PretrainingMethod = {
  name: 'blindness',
  variants: ['total'],
  epochs: 1,
  passes: 1,
  needs: null,
  // biome-ignore lint/correctness/useYield: it is done at once.
  async *pretrain({ architecture, random, epochs }) {
    const blind = new Map([
      ['block1.norm.running_mean', float32([32], new Float32Array(32).fill(20))],
    ])
    const graph = backboneOf(architecture, blind, random)
    return { graph, epochs, loss: { first: 1, last: 1 }, pictures: null }
  },
}

const decisions = (events: readonly StrategyEvent[]) =>
  events.flatMap((event) => (event.type === 'decision' ? [event] : []))

test('where the values that were learned are worth little as they are, all layers are trained from there', async () => {
  const task = broadOrNarrow(4e10)
  const { events, result } = await collect(pretrained(blindness, {}).run(task))
  const last = decisions(events).at(-1)
  expect(last?.sentence).toMatch(
    /^all layers trained for \d+ epochs, as from scratch, from the values that were learned: 0\.\d+ -> 0\.\d+.*: kept$/,
  )
  expect(result).toMatchObject({ reusedUpTo: 'features', thawedFrom: 'pixels' })
  expect(result.losses).toHaveLength(4)
  const { events: training, result: model } = await collect(result.train())
  expect(training.at(-1)).toMatchObject({ phase: 'blindness, all layers, all labels' })
  expect(model.provenance).toEqual({
    strategy: 'blindness',
    pretraining: 'blindness total',
    architecture: 'vgg',
    images: '48',
    epochs: '100',
    normalization: '[-1, 1]',
  })
}, 60_000)

test('what the user has chosen of the reuse leaves no other way, and what is said is said of the method', async () => {
  const choices = choicesIn({ thaw: 0 })
  const { events, result } = await collect(
    pretrained(blindness, { choices }).run(broadOrNarrow(1e9)),
  )
  expect(decisions(events).filter(({ sentence }) => sentence.startsWith('all layers'))).toEqual([])
  const { events: training } = await collect(result.train())
  expect(training.at(-1)).toMatchObject({
    phase: expect.stringMatching(/^blindness, .*all labels$/),
  })
})

test('where the budget is too small to train all layers, that is said and not tried', async () => {
  const { events } = await collect(pretrained(blindness, {}).run(broadOrNarrow(1e8)))
  expect(decisions(events).at(-1)?.sentence).toMatch(
    /^not tried: all layers .*: the budget pays for \d+ of 120 epochs$/,
  )
  expect(events.some((event) => 'phase' in event && event.phase.includes('all layers'))).toBe(false)
})

test('choices that do not fit its layers are an error before anything is learned', async () => {
  const never: PretrainingMethod = {
    ...blindness,
    // biome-ignore lint/correctness/useYield: it must not be reached.
    async *pretrain() {
      throw new Error('it was pretrained')
    },
  }
  const choices = choicesIn({ reuse: 'layer4' })
  await expect(
    collect(pretrained(never, { choices }).run(broadOrNarrow(1e9))),
  ).rejects.toMatchObject({
    code: 'bad-usage',
    message: expect.stringMatching(/^the backbone cannot be reused up to "layer4": give one of /),
  })
})
