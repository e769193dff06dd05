import { expect, test } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { runtime } from '../../testing/runtime.ts'
import { stratifiedFolds } from '../data/folds.ts'
import { finish } from '../events.ts'
import { createRandom } from '../random.ts'
import { neighbourGraph } from './label-propagation.ts'
import { probeFolds } from './probe.ts'
import { probePropagated } from './propagated-probe.ts'

/** Two clouds that overlap little, in more dimensions than a few labels determine. */
function clouds(count: number) {
  const random = createRandom(8)
  const columns = 20
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2)
  const centres = Array.from({ length: 2 }, () =>
    Array.from({ length: columns }, () => random.normal()),
  )
  const rows = Array.from(labels, (label) => {
    const centre = centres[label] as number[]
    return centre.map((value) => value + 1.2 * random.normal())
  })
  return { features: { data: Float32Array.from(rows.flat()), count, columns }, labels }
}

test('output layers that learn from images without labels tell held-out ones apart better than labels alone', async () => {
  const { features, labels } = clouds(1000)
  const few = 10
  const random = createRandom(2)
  const task = {
    classes: ['upper', 'lower'],
    labels: labels.subarray(0, few),
    folds: stratifiedFolds(labels.subarray(0, few), 5, random.fork('folds')),
    random,
    runtime,
  } as unknown as Parameters<typeof probeFolds>[0]
  const own = { ...features, count: few, data: features.data.subarray(0, few * features.columns) }
  const { result: alone } = await collect(
    probeFolds(task, () => ({ kind: 'linear', features: own, widths: [features.columns] })),
  )
  const graph = await finish(neighbourGraph(features, runtime))
  const { events, result } = await collect(probePropagated(task, { features, graph }, alone))
  expect(events.map((event) => event.type)).toEqual(Array(5).fill('progress'))
  expect(result.regularization).toEqual(alone.regularization)
  expect(result.heads).toHaveLength(5)
  const accuracyOf = (heads: typeof alone.heads) => {
    let right = 0
    for (const { weight, bias } of heads) {
      for (let row = few; row < features.count; row++) {
        const scores = [0, 1].map((c) => {
          let sum = bias.data[c] as number
          for (let k = 0; k < features.columns; k++) {
            const value = features.data[row * features.columns + k] as number
            sum += (weight.data[c * features.columns + k] as number) * value
          }
          return sum
        })
        if (Number((scores[1] as number) > (scores[0] as number)) === labels[row]) right++
      }
    }
    return right / (heads.length * (features.count - few))
  }
  const [before, after] = [accuracyOf(alone.heads), accuracyOf(result.heads)]
  expect(after).toBeGreaterThan(before + 0.01)
})
