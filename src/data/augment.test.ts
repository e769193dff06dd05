import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRandom, type Random } from '../random.ts'
import { type AugmentationRecipe, augment, augmentationFor, noAugmentation } from './augment.ts'
import {
  brightness,
  contrast,
  crop,
  erase,
  flip,
  gamma,
  type ImageOperation,
  saturation,
  shift,
  turn,
} from './image-operations.ts'

/** A generator that draws these numbers, one after the other. */
function drawing(...draws: number[]): Random {
  const uniform = () => draws.shift() as number
  return { ...createRandom(0), uniform, integer: (bound) => Math.floor(uniform() * bound) }
}

function apply(
  operation: ImageOperation,
  source: readonly number[],
  [height, width, channels]: readonly [number, number, number],
  amount: number,
  ...draws: number[]
): number[] {
  const target = new Uint8Array(source.length)
  operation(Uint8Array.from(source), target, { height, width, channels }, amount, drawing(...draws))
  return [...target]
}

describe('operations', () => {
  test('flip mirrors columns and keeps channels, for half of the draws', () => {
    const image = [1, 2, 3, 4, 5, 6]
    expect(apply(flip, image, [1, 2, 3], 1, 0.49)).toEqual([4, 5, 6, 1, 2, 3])
    expect(apply(flip, image, [1, 2, 3], 1, 0.5)).toEqual(image)
    expect(apply(flip, image, [2, 3, 1], 1, 0)).toEqual([3, 2, 1, 6, 5, 4])
  })

  test('shift moves down and right or up and left, and repeats the edge', () => {
    const image = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    expect(apply(shift, image, [3, 3, 1], 0.34, 0.99, 0.99)).toEqual([1, 1, 2, 1, 1, 2, 4, 4, 5])
    expect(apply(shift, image, [3, 3, 1], 0.34, 0, 0)).toEqual([5, 6, 6, 8, 9, 9, 8, 9, 9])
    expect(apply(shift, image, [3, 3, 1], 0.34, 0.5, 0.5)).toEqual(image)
  })

  test('crop of the whole image changes nothing, and of a quarter enlarges it by interpolation', () => {
    const ramp = Array.from({ length: 64 }, (_, i) => 10 * (i % 8) + Math.floor(i / 8))
    // Draws: area, stretch (0.5 is none), row, column.
    expect(apply(crop, ramp, [8, 8, 1], 1, 0, 0.5, 0, 0)).toEqual(ramp)
    const corner = apply(crop, ramp, [8, 8, 1], 0.25, 0, 0.5, 1, 1)
    // The box is rows and columns 4 to 7: output pixel i lies at 4 + (i + 0.5) / 2 - 0.5.
    const at = (i: number) => Math.min(7, 3.75 + i / 2)
    expect(corner).toEqual(
      ramp.map((_, i) => Math.floor(10 * at(i % 8) + at(Math.floor(i / 8)) + 0.5)),
    )
  })

  test('crop never leaves the image, whatever is drawn', () => {
    const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(draw, draw, draw, draw, draw, (least, ...draws) => {
        const constant = new Array(5 * 3 * 3).fill(77)
        expect(apply(crop, constant, [5, 3, 3], least, ...draws)).toEqual(constant)
      }),
    )
  })

  test('turn by a right angle moves rows to columns, and no angle changes nothing', () => {
    const image = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    expect(apply(turn, image, [3, 3, 1], 90, 0.5)).toEqual(image)
    expect(apply(turn, image, [3, 3, 1], 90, 1)).toEqual([7, 4, 1, 8, 5, 2, 9, 6, 3])
    expect(apply(turn, image, [3, 3, 1], 90, 0)).toEqual([3, 6, 9, 2, 5, 8, 1, 4, 7])
  })

  test('turn never leaves the image, whatever is drawn', () => {
    const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(draw, fc.integer({ min: 0, max: 180 }), (drawn, degrees) => {
        const constant = new Array(5 * 3 * 3).fill(77)
        expect(apply(turn, constant, [5, 3, 3], degrees, drawn)).toEqual(constant)
      }),
    )
  })

  test('gamma keeps black and white and bends what is between', () => {
    expect(apply(gamma, [0, 64, 255], [1, 3, 1], Math.log(2), 1)).toEqual([0, 16, 255])
    expect(apply(gamma, [0, 64, 255], [1, 3, 1], Math.log(2), 0)).toEqual([0, 128, 255])
  })

  test('erase hides a box under one grey, in a share of the images', () => {
    const image = new Array(16).fill(200)
    expect(apply(erase, image, [4, 4, 1], 0.5, 0.5)).toEqual(image)
    // Draws: whether, height, width (half of each side), row, column, grey.
    const hidden = apply(erase, image, [4, 4, 1], 0.5, 0.4, 0.99, 0.99, 0.99, 0, 0.1)
    expect(hidden).toEqual(image.map((value, i) => (i >= 8 && i % 4 < 2 ? 25 : value)))
  })

  test('brightness multiplies and saturates', () => {
    expect(apply(brightness, [0, 100, 200], [1, 3, 1], 0.5, 1)).toEqual([0, 150, 255])
    expect(apply(brightness, [0, 100, 200], [1, 3, 1], 0.5, 0)).toEqual([0, 50, 100])
  })

  test('contrast scales around the mean grey', () => {
    expect(apply(contrast, [80, 120], [1, 2, 1], 0.5, 1)).toEqual([70, 130])
    expect(apply(contrast, [0, 0, 0, 200, 200, 200], [1, 2, 3], 1, 0)).toEqual(
      new Array(6).fill(100),
    )
  })

  test('saturation scales around the grey of each pixel, and takes all colour away at 0', () => {
    const [r, g, b] = [200, 100, 50]
    const grey = 0.299 * r + 0.587 * g + 0.114 * b
    expect(apply(saturation, [r, g, b], [1, 1, 3], 1, 0)).toEqual(
      new Array(3).fill(Math.round(grey)),
    )
    expect(apply(saturation, [r, g, b], [1, 1, 3], 0.5, 0.5)).toEqual([r, g, b])
    expect(apply(saturation, [255, 0, 0], [1, 1, 3], 1, 0.99)).toEqual([255, 0, 0])
    expect(apply(saturation, [9, 8], [1, 2, 1], 1, 0)).toEqual([9, 8])
  })
})

describe('augment', () => {
  const size = { height: 6, width: 5, channels: 3 }
  const batch = Uint8Array.from({ length: 4 * 90 }, (_, i) => (i * 31) % 256)
  const recipe = {
    crop: 0.4,
    flip: true,
    shift: 0.2,
    turn: 30,
    brightness: 0.3,
    contrast: 0.3,
    saturation: 0.3,
    gamma: 0.5,
    erase: 1,
  }

  test('with all off copies', () => {
    const copy = augment(batch, size, noAugmentation, createRandom(1))
    expect(copy).toEqual(batch)
    expect(copy.buffer).not.toBe(batch.buffer)
  })

  test('never changes its input, repeats for a seed, and treats each image differently', () => {
    const before = Uint8Array.from(batch)
    const out = augment(batch, size, recipe, createRandom(1))
    expect(batch).toEqual(before)
    expect(augment(batch, size, recipe, createRandom(1), new Uint8Array(batch.length))).toEqual(out)
    expect(augment(batch, size, recipe, createRandom(2))).not.toEqual(out)
    const twice = Uint8Array.from([...batch.subarray(0, 90), ...batch.subarray(0, 90)])
    const [first, second] = [0, 90].map((start) =>
      augment(twice, size, recipe, createRandom(1)).subarray(start, start + 90),
    )
    expect(first).not.toEqual(second)
  })

  test.each(Object.keys(noAugmentation))('applies %s alone, for it has an effect', (name) => {
    const alone = { ...noAugmentation, [name]: recipe[name as keyof typeof recipe] }
    expect(augment(batch, size, alone, createRandom(1))).not.toEqual(batch)
  })
})

test('a recipe for photographs is not for digits and clothes: they are not mirrored, and keep their edges and tones', () => {
  const recipe: AugmentationRecipe = { ...noAugmentation, crop: 0.5, flip: true, contrast: 0.2 }
  expect(augmentationFor({ channels: 3 }, recipe)).toBe(recipe)
  const { shift: moved, ...others } = augmentationFor({ channels: 1 }, recipe)
  expect(moved).toBeGreaterThan(0)
  expect(others).toEqual({ ...noAugmentation, shift: undefined })
})
