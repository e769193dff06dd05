import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { noAugmentation } from '../data/augment.ts'
import type { Images } from '../data/pixels.ts'
import { finish } from '../events.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'
import { arrayExamples, imageExamples } from './examples.ts'
import { computeFeatures, rowsInViews } from './features.ts'
import { compileForward, type Forward } from './forward.ts'
import { predict, softmax } from './predict.ts'

const rows = 23
const data = Float32Array.from({ length: 2 * rows }, (_, i) => Math.sin(i))
const examples = arrayExamples(data, [2])

/** Three outputs a row: the sum, the difference and the first value times `scale`. */
const builder = createBuilder()
const x = builder.input('x', 'float32', ['N', 2])
const mixed = builder.op('MatMul', [x, builder.constant(float32([2, 3], [1, 1, 1, 1, -1, 0]))])
builder.output(builder.op('Mul', [mixed, builder.parameter('scale', float32([3], [1, 1, 1]))]))
const graph = builder.build()
const rowOf = (index: number, scale = 1) => {
  const [a, b] = [data[2 * index] as number, data[2 * index + 1] as number]
  return [a + b, a - b, a * scale]
}
const parameters = (scale: number): Map<string, Tensor> =>
  new Map([['scale', float32([3], [1, 1, scale])]])

let forward: Forward
beforeAll(async () => {
  forward = await compileForward(graph, ['scale'], runtime)
})
afterAll(() => forward.release())

function expectRows(outputs: { data: Float32Array; columns: number }, expected: number[][]) {
  expect(outputs.data).toHaveLength(3 * expected.length)
  expected.flat().forEach((value, i) => {
    expect(outputs.data[i]).toBeCloseTo(value, 6)
  })
}

test('gives each example its own row, for any number of examples and any batch size', async () => {
  const cases = fc.tuple(
    fc.array(fc.nat(rows - 1), { minLength: 1, maxLength: 30 }),
    fc.integer({ min: 1, max: 12 }),
  )
  await fc.assert(
    fc.asyncProperty(cases, async ([indices, batchSize]) => {
      const sizes = new Set<number>()
      const watched: Forward = {
        ...forward,
        run(feeds, values) {
          sizes.add((feeds.x as Tensor).dims[0] as number)
          return forward.run(feeds, values)
        },
      }
      const outputs = await finish(
        predict(watched, 'x', examples, indices, batchSize, parameters(2)),
      )
      expect([outputs.rows, outputs.columns]).toEqual([indices.length, 3])
      expectRows(
        outputs,
        indices.map((index) => rowOf(index, 2)),
      )
      expect([...sizes]).toEqual([batchSize])
    }),
    { numRuns: 30, seed: 1 },
  )
})

test('tells how far it is', async () => {
  const steps = []
  for await (const step of predict(forward, 'x', examples, [0, 1, 2, 3, 4], 2, parameters(1))) {
    steps.push(step)
  }
  expect(steps).toEqual([2, 4, 5].map((done) => ({ done, total: 5 })))
})

test('of nothing is nothing', async () => {
  const outputs = await finish(predict(forward, 'x', examples, [], 4, parameters(1)))
  expect(outputs).toEqual({ data: new Float32Array(0), rows: 0, columns: 0 })
  expect(softmax(outputs)).toEqual([])
})

test('features are the outputs of all examples, or of those asked for', async () => {
  const all = await finish(computeFeatures(graph, examples, runtime))
  expect([all.count, all.columns]).toEqual([rows, 3])
  expectRows(
    all,
    Array.from({ length: rows }, (_, index) => rowOf(index)),
  )
  const some = await finish(computeFeatures(graph, examples, runtime, { indices: [7, 3] }))
  expect(some.count).toBe(2)
  expectRows(some, [rowOf(7), rowOf(3)])
})

test('further views of the examples follow as blocks, each augmented anew and the same for the same seed', async () => {
  const images: Images = {
    count: 3,
    height: 1,
    width: 2,
    channels: 1,
    data: Uint8Array.of(10, 20, 30, 40, 50, 60),
    names: ['a', 'b', 'c'],
  }
  const pixels = createBuilder()
  const input = pixels.input('pixels', 'uint8', ['N', 1, 2, 1])
  pixels.output(pixels.op('Flatten', [pixels.op('Cast', [input], { to: 1 })]))
  const recipe = { ...noAugmentation, brightness: 0.5 }
  const compute = (seed: number) =>
    finish(
      computeFeatures(pixels.build(), imageExamples(images, recipe), runtime, {
        indices: [2, 0],
        views: { count: 2, random: createRandom(seed) },
      }),
    )
  const features = await compute(1)
  expect([features.count, features.columns, features.data.length]).toEqual([2, 2, 12])
  const [plain, first, second] = [0, 1, 2].map((view) =>
    features.data.slice(4 * view, 4 * view + 4),
  )
  expect([...(plain ?? [])]).toEqual([50, 60, 10, 20])
  expect(first).not.toEqual(plain)
  expect(second).not.toEqual(first)
  expect(await compute(1)).toEqual(features)
  expect((await compute(2)).data).not.toEqual(features.data)
  expect(rowsInViews(features, [1])).toEqual([1, 3, 5])
  expect(rowsInViews(features, [0, 1])).toEqual([0, 1, 2, 3, 4, 5])
})

test('softmax makes rows of probabilities in the order of the logits, however large', () => {
  const logits = fc.array(fc.float({ min: -1e4, max: 1e4, noNaN: true }), {
    minLength: 3,
    maxLength: 3,
  })
  fc.assert(
    fc.property(logits, logits, (first, second) => {
      const outputs = { data: Float32Array.from([...first, ...second]), rows: 2, columns: 3 }
      const probabilities = softmax(outputs)
      for (const [i, row] of [first, second].entries()) {
        const found = Array.from(probabilities[i] as Float32Array)
        expect(found.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5)
        const [a = 0, b = 0, c = 0] = row
        const naive = Math.exp(b - a) / (1 + Math.exp(b - a) + Math.exp(c - a))
        if (Number.isFinite(naive)) expect(found[1]).toBeCloseTo(naive, 5)
        expect(found[row.indexOf(Math.max(...row))]).toBe(Math.max(...found))
      }
    }),
  )
})
