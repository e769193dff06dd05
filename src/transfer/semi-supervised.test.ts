import { expect, test } from 'vitest'
import { breadths, broadOrNarrow } from '../../testing/broad-or-narrow.ts'
import { collect } from '../../testing/collect.ts'
import type { PretrainingMethod } from '../pretraining/method.ts'
import { backboneOf } from '../pretraining/networks.ts'
import type { StrategyEvent } from '../training/task.ts'
import { choicesIn } from './choices.ts'
import { semiSupervised } from './semi-supervised.ts'

/** A method that learns nothing, and keeps the labels that it is given each time. */
function spy() {
  const given: (readonly number[])[] = []
  const method: PretrainingMethod = {
    name: 'spy',
    variants: ['blind', 'sighted'],
    semiSupervised: ['sighted'],
    epochs: 1,
    passes: 1,
    needs: null,
    async *pretrain({ architecture, random, epochs, labels, variant }) {
      expect(variant).toBe('sighted')
      yield { type: 'progress', phase: 'spy', done: 0, total: 1 }
      given.push([...(labels?.labels ?? [])])
      const graph = backboneOf(architecture, new Map(), random)
      return { graph, epochs, loss: { first: 1, last: 1 }, pictures: null }
    },
  }
  return { given, method }
}

const sentences = (events: readonly StrategyEvent[]) =>
  events.flatMap((event) => (event.type === 'decision' ? [event.sentence] : []))

test('the network of a fold never learns from a held-out label, and that of the model from all', async () => {
  const { given, method } = spy()
  const task = broadOrNarrow(1e8)
  const { events, result } = await collect(semiSupervised(method, 'sighted').run(task))
  const withheld = task.folds.map(({ validation }) =>
    [...breadths.labels].map((label, row) => (validation.includes(row) ? -1 : label)),
  )
  expect(given).toEqual(withheld)
  expect(result.folds).toHaveLength(4)
  expect(result.losses).toHaveLength(4)
  expect(sentences(events)).toEqual([
    expect.stringMatching(/^spy \(sighted\) on 48 images for \d+ epochs?$/),
    expect.stringMatching(
      /^a network for each of 4 folds, from the labels of its training part alone, and a new output layer on its last features \(.*\): 0\.\d+$/,
    ),
    expect.stringMatching(/^not tried: all layers trained/),
  ])
  const phases = new Set(events.flatMap((event) => ('phase' in event ? [event.phase] : [])))
  expect([...phases]).toEqual(
    expect.arrayContaining(['spy-sighted, fold 4 of 4', 'spy-sighted, fold 4 of 4, features']),
  )
  const { result: model } = await collect(result.train())
  expect(given.at(-1)).toEqual([...breadths.labels])
  expect(model.graph.inputs).toMatchObject([{ name: 'pixels', type: 'uint8' }])
  expect(model.provenance).toMatchObject({ strategy: 'spy-sighted', pretraining: 'spy sighted' })
})

test('where the budget pays for it, all layers are trained on from the values of each fold', async () => {
  const { given, method } = spy()
  const task = broadOrNarrow(2.5e10)
  const { events } = await collect(semiSupervised(method, 'sighted').run(task))
  expect(sentences(events).at(-1)).toMatch(/^all layers trained for \d+ epochs.*-> 0\.\d+/)
  expect(given).toHaveLength(4)
}, 60_000)

test('folds of one repeat only are measured, and one network serves a fold', async () => {
  const { given, method } = spy()
  const task = broadOrNarrow(1e8)
  const again = task.folds.map((fold) => ({ ...fold, repeat: 1 }))
  const twice = { ...task, folds: [...task.folds, ...again] }
  const { result } = await collect(semiSupervised(method, 'sighted').run(twice))
  expect([result.folds.length, given.length]).toEqual([4, 4])
})

test('choices of the reuse leave it untried, and that is said', () => {
  const { method } = spy()
  const { unavailable } = semiSupervised(method, 'sighted', choicesIn({ thaw: 0 }))
  expect(unavailable).toMatch(/without --reuse/)
})
