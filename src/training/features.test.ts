import { expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { columnsOf, type Features, rowsInViews, viewExamples } from './features.ts'

/** Three examples in two views of four columns: the value tells view, example and column. */
const features: Features = {
  data: Float32Array.from({ length: 24 }, (_, i) => {
    const row = Math.floor(i / 4)
    return 100 * Math.floor(row / 3) + 10 * (row % 3) + (i % 4)
  }),
  count: 3,
  columns: 4,
}

test('columns are cut out of every row of every view', () => {
  const { data, count, columns } = columnsOf(features, 1, 2)
  expect({ count, columns }).toEqual({ count: 3, columns: 2 })
  expect([...data]).toEqual([1, 2, 11, 12, 21, 22, 101, 102, 111, 112, 121, 122])
})

test('the rows of an example are one in each view', () => {
  expect(rowsInViews(features, [2, 0])).toEqual([2, 0, 5, 3])
})

test('examples come as they are, and with a generator in views drawn anew', () => {
  const examples = viewExamples(features, [2, 2])
  expect(examples).toMatchObject({ count: 3, dims: [2, 2], type: 'float32' })
  const plain = examples.batch([2, 0])
  expect(plain.dims).toEqual([2, 2, 2])
  expect([...plain.data]).toEqual([20, 21, 22, 23, 0, 1, 2, 3])
  const random = createRandom(1)
  const seen = new Set<number>()
  for (let draw = 0; draw < 40; draw++) {
    const [value] = examples.batch([1], random).data
    seen.add(Number(value))
  }
  expect([...seen].sort((a, b) => a - b)).toEqual([10, 110])
})
