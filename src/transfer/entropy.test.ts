import { expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { finish } from '../events.ts'
import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { createRandom } from '../random.ts'
import { arrayExamples } from '../training/examples.ts'
import { entropiesOf } from './entropy.ts'

const [rows, classes] = [30, 6]
const random = createRandom(5)
const scores = Float32Array.from({ length: rows * classes }, () => random.normal())

/** The scores times a factor, as they are or as probabilities. */
function classifier(factor: number, probabilities = false): Graph {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['N', classes])
  const scaled = builder.op('Mul', [x, builder.scalar(factor)])
  builder.output(probabilities ? builder.op('Softmax', [scaled]) : scaled)
  return builder.build()
}

const measure = (network: Graph, data = scores) =>
  finish(entropiesOf(network, arrayExamples(data, [classes]), [...Array(rows).keys()], runtime))

test('larger scores make a classifier surer, and tell no more about the images', async () => {
  const [plain, large] = [await measure(classifier(1)), await measure(classifier(100))]
  expect(large.each).toBeLessThan(plain.each / 10)
  expect(large.information).toBeCloseTo(plain.information, 3)
  expect(plain.information).toBeGreaterThan(0.3)
})

test('probabilities say what their scores say', async () => {
  const [scored, said] = [await measure(classifier(2)), await measure(classifier(2, true))]
  expect(said.each).toBeCloseTo(scored.each, 4)
  expect(said.information).toBeCloseTo(scored.information, 3)
})

test('the same scores for all images tell nothing about them', async () => {
  const same = scores.map((_, i) => scores[i % classes] as number)
  const { information } = await measure(classifier(50), same)
  expect(information).toBeCloseTo(0, 4)
})
