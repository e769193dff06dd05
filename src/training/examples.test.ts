import { describe, expect, test } from 'vitest'
import { noAugmentation } from '../data/augment.ts'
import type { Images } from '../data/pixels.ts'
import { createRandom } from '../random.ts'
import { arrayExamples, imageExamples } from './examples.ts'

const images: Images = {
  count: 4,
  height: 2,
  width: 3,
  channels: 1,
  data: Uint8Array.from({ length: 24 }, (_, i) => 10 * i),
  names: ['a', 'b', 'c', 'd'],
}

describe('images', () => {
  test('come as raw pixels in the order that is asked for', () => {
    const examples = imageExamples(images)
    expect([examples.count, examples.dims, examples.type]).toEqual([4, [2, 3, 1], 'uint8'])
    const { dims, type, data } = examples.batch([2, 0])
    expect([dims, type]).toEqual([[2, 2, 3, 1], 'uint8'])
    expect([...data]).toEqual([...images.data.slice(12, 18), ...images.data.slice(0, 6)])
  })

  test('are augmented with a generator alone, and never in place', () => {
    const before = images.data.slice()
    const examples = imageExamples(images, { ...noAugmentation, flip: true, brightness: 0.3 })
    const plain = examples.batch([0, 1, 2, 3]).data.slice()
    expect([...plain]).toEqual([...before])
    const augmented = examples.batch([0, 1, 2, 3], createRandom(1)).data.slice()
    expect(augmented).not.toEqual(plain)
    expect(examples.batch([0, 1, 2, 3], createRandom(1)).data).toEqual(augmented)
    expect(examples.batch([0, 1, 2, 3]).data).toEqual(plain)
    expect(images.data).toEqual(before)
  })
})

test('a batch reuses the tensor of the last one of its size', () => {
  for (const examples of [imageExamples(images), arrayExamples(new Float32Array(8), [2])]) {
    const first = examples.batch([0, 1])
    expect(examples.batch([2, 3])).toBe(first)
    expect(examples.batch([0])).not.toBe(first)
  }
})

test('arrays are cut into rows', () => {
  const examples = arrayExamples(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 1])
  expect([examples.count, examples.dims, examples.type]).toEqual([3, [2, 1], 'float32'])
  const { dims, data } = examples.batch([2, 0, 2])
  expect(dims).toEqual([3, 2, 1])
  expect([...data]).toEqual([5, 6, 1, 2, 5, 6])
})
