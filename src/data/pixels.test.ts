import { expect, test } from 'vitest'
import { gather } from './pixels.ts'

const images = {
  count: 3,
  height: 1,
  width: 2,
  channels: 1,
  data: Uint8Array.of(1, 2, 3, 4, 5, 6),
}

test('gather copies rows in the order of the indices, into a given buffer where there is one', () => {
  expect([...gather(images, Int32Array.of(2, 0, 2))]).toEqual([5, 6, 1, 2, 5, 6])
  const out = new Uint8Array(6).fill(9)
  expect(gather(images, [1], out)).toBe(out)
  expect([...out]).toEqual([3, 4, 9, 9, 9, 9])
})
