import { expect, test } from 'vitest'
import { turn } from './turn.ts'

const size = { height: 2, width: 2, channels: 1 }
const image = Uint8Array.of(1, 2, 3, 4)

function turned(quarters: number, from = image, of = size): number[] {
  const to = new Uint8Array(from.length)
  turn(from, to, of, quarters)
  return Array.from(to)
}

test('quarters go clockwise', () => {
  expect(turned(0)).toEqual([1, 2, 3, 4])
  expect(turned(1)).toEqual([3, 1, 4, 2])
  expect(turned(2)).toEqual([4, 3, 2, 1])
  expect(turned(3)).toEqual([2, 4, 1, 3])
})

test('four quarters are none, and channels stay together', () => {
  const square = { height: 3, width: 3, channels: 3 }
  const pixels = Uint8Array.from({ length: 27 }, (_, i) => i)
  let current = pixels
  for (let i = 0; i < 4; i++) current = Uint8Array.from(turned(1, current, square))
  expect(current).toEqual(pixels)
  expect(turned(1, pixels, square).slice(0, 3)).toEqual([18, 19, 20])
})

test('images that are not square can be turned upside down', () => {
  const wide = { height: 1, width: 4, channels: 1 }
  expect(turned(2, image, wide)).toEqual([4, 3, 2, 1])
})
