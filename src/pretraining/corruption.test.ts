import { expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { standardDeviation } from '../statistics/summaries.ts'
import { corruptions } from './corruption.ts'

const size = { height: 8, width: 8, channels: 3 }

test('noise has the wanted spread, and masks the wanted share', () => {
  const draw = corruptions(size, { noise: 0.3, masked: 0.25, patch: 1 }, createRandom(1))
  const { noise, mask } = draw(200, createRandom(2))
  expect(noise.dims).toEqual([200, 3, 8, 8])
  expect(mask.dims).toEqual([200, 1, 8, 8])
  expect(standardDeviation(Array.from(noise.data, Number))).toBeCloseTo(0.3, 1)
  const shown = Array.from(mask.data, Number)
  expect(new Set(shown)).toEqual(new Set([0, 1]))
  expect(shown.reduce((a, b) => a + b, 0) / shown.length).toBeCloseTo(0.75, 1)
})

test('patches are hidden whole, also where they do not fill the image', () => {
  const odd = { height: 5, width: 7, channels: 1 }
  const { mask } = corruptions(
    odd,
    { noise: 0, masked: 0.5, patch: 3 },
    createRandom(1),
  )(20, createRandom(3))
  const at = (image: number, y: number, x: number) => mask.data[image * 35 + y * 7 + x]
  for (let image = 0; image < 20; image++) {
    for (let y = 0; y < 5; y++) {
      for (let x = 0; x < 7; x++) {
        expect(at(image, y, x)).toBe(at(image, y - (y % 3), x - (x % 3)))
      }
    }
  }
})

test('the same generators draw the same', () => {
  const draw = () =>
    corruptions(size, { noise: 1, masked: 0.5, patch: 2 }, createRandom(1))(3, createRandom(2))
  expect(draw()).toEqual(draw())
})
