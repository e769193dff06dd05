import { expect, test } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { finish } from '../events.ts'
import type { TrainingEvent } from './loop.ts'
import { affordableEpochs, asProgress, type Checkpoints, inPhase, remember } from './task.ts'

test('finished work is remembered under its key, and unfinished work is not', async () => {
  const saved = new Map<string, unknown>()
  const checkpoints: Checkpoints = {
    load: async (key) => saved.get(key),
    save: async (key, value) => void saved.set(key, value),
  }
  let runs = 0
  const work = (fails = false) =>
    async function* () {
      runs++
      yield 'working'
      if (fails) throw new Error('stopped')
      return { runs }
    }
  await expect(finish(remember(checkpoints, 'fold', work(true)))).rejects.toThrow('stopped')
  expect(saved.size).toBe(0)
  const first = await collect(remember(checkpoints, 'fold', work()))
  expect(first).toEqual({ events: ['working'], result: { runs: 2 } })
  const second = await collect(remember(checkpoints, 'fold', work()))
  expect(second).toEqual({ events: [], result: { runs: 2 } })
  expect((await collect(remember(checkpoints, 'other', work()))).result).toEqual({ runs: 3 })
})

test('events and progress get the name of their phase, and results pass', async () => {
  const event: TrainingEvent = {
    type: 'epoch',
    epoch: 1,
    epochs: 1,
    trainingLoss: 1,
    gradientNorm: 1,
    validationLoss: null,
    validationAccuracy: null,
    learningRate: 0.1,
  }
  const training = inPhase(
    'fold 1',
    (async function* () {
      yield event
      return 'trained'
    })(),
  )
  expect(await collect(training)).toEqual({
    events: [{ ...event, phase: 'fold 1' }],
    result: 'trained',
  })
  const progress = asProgress(
    'features',
    (async function* () {
      yield { done: 2, total: 5 }
      return 7
    })(),
  )
  expect(await collect(progress)).toEqual({
    events: [{ type: 'progress', phase: 'features', done: 2, total: 5 }],
    result: 7,
  })
})

test('a budget pays three forward passes an image and epoch', () => {
  const cost = { perImage: 100, images: 10, runs: 2 }
  expect(affordableEpochs({ multiplyAdds: 3 * 100 * 10 * 2 * 4 }, cost)).toBe(4)
  expect(affordableEpochs({ multiplyAdds: 3 * 100 * 10 }, cost)).toBe(0.5)
})
