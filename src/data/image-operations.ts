import type { Random } from '../random.ts'
import type { Size } from './pixels.ts'

/**
 * Writes a changed copy of one image to `target`; reads `source` and leaves it alone. `amount` is the strength from the
 * recipe, above 0; how much of it this image gets is drawn from `random`.
 */
export type ImageOperation = (
  source: Uint8Array,
  target: Uint8Array,
  size: Size,
  amount: number,
  random: Random,
) => void

/** Mirrors left and right with probability `amount` / 2, so half of all images at 1. */
export const flip: ImageOperation = (
  source,
  target,
  { height, width, channels },
  amount,
  random,
) => {
  if (random.uniform() >= amount / 2) {
    target.set(source)
    return
  }
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = (row * width + width - 1 - column) * channels
      const to = (row * width + column) * channels
      for (let c = 0; c < channels; c++) target[to + c] = source[from + c] as number
    }
  }
}

/**
 * Moves by a whole number of pixels, up to the fraction `amount` of the height and of the width; the edge is repeated
 * into the gap.
 */
export const shift: ImageOperation = (
  source,
  target,
  { height, width, channels },
  amount,
  random,
) => {
  const draw = (length: number) => {
    const most = Math.min(length - 1, Math.round(length * amount))
    return random.integer(2 * most + 1) - most
  }
  const down = draw(height)
  const right = draw(width)
  const offsets = Int32Array.from({ length: width }, (_, column) => {
    return clamp(column - right, width) * channels
  })
  for (let row = 0; row < height; row++) {
    const from = clamp(row - down, height) * width * channels
    const to = row * width * channels
    for (let column = 0; column < width; column++) {
      const start = from + (offsets[column] as number)
      for (let c = 0; c < channels; c++) {
        target[to + column * channels + c] = source[start + c] as number
      }
    }
  }
}

/**
 * Random resized crop (Szegedy et al. 2015): a box of `amount` to all of the area, with sides stretched by up to 4/3
 * against each other, is enlarged to the whole image by linear interpolation. A box too long for the image is cut to it.
 */
export const crop: ImageOperation = (
  source,
  target,
  { height, width, channels },
  amount,
  random,
) => {
  const area = amount + (1 - amount) * random.uniform()
  const stretch = Math.exp(eitherWay(Math.log(4 / 3), random))
  const tall = Math.min(1, Math.sqrt(area / stretch)) * height
  const wide = Math.min(1, Math.sqrt(area * stretch)) * width
  const rows = samplePoints(height, (height - tall) * random.uniform(), tall)
  const columns = samplePoints(width, (width - wide) * random.uniform(), wide)
  const stride = width * channels
  for (let row = 0, to = 0; row < height; row++) {
    const top = (rows.first[row] as number) * stride
    const bottom = (rows.second[row] as number) * stride
    const down = rows.weight[row] as number
    for (let column = 0; column < width; column++) {
      const left = (columns.first[column] as number) * channels
      const right = (columns.second[column] as number) * channels
      const across = columns.weight[column] as number
      for (let c = 0; c < channels; c++, to++) {
        target[to] = interpolate(source, top + c, bottom + c, left, right, down, across)
      }
    }
  }
}

/** Turns around the centre by up to `amount` degrees either way, by linear interpolation; the edge is repeated into the corners. */
export const turn: ImageOperation = (
  source,
  target,
  { height, width, channels },
  amount,
  random,
) => {
  const angle = (eitherWay(amount, random) * Math.PI) / 180
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const [midRow, midColumn] = [(height - 1) / 2, (width - 1) / 2]
  const stride = width * channels
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [down, right] = [row - midRow, column - midColumn]
      const y = Math.min(Math.max(midRow + cos * down - sin * right, 0), height - 1)
      const x = Math.min(Math.max(midColumn + sin * down + cos * right, 0), width - 1)
      const [top, left] = [Math.floor(y), Math.floor(x)]
      const upper = top * stride
      const lower = Math.min(top + 1, height - 1) * stride
      const near = left * channels
      const next = Math.min(left + 1, width - 1) * channels
      for (let c = 0; c < channels; c++, to++) {
        target[to] = interpolate(source, upper + c, lower + c, near, next, y - top, x - left)
      }
    }
  }
}

/** Raises intensities between 0 and 1 to a power from exp(-`amount`) to exp(`amount`). */
export const gamma: ImageOperation = (source, target, _size, amount, random) => {
  const power = Math.exp(eitherWay(amount, random))
  applyTable(source, target, (value) => 255 * (value / 255) ** power)
}

/** Hides, with probability `amount`, a box of a fifth to a half of each side under one grey (Zhong et al., 2020). */
export const erase: ImageOperation = (
  source,
  target,
  { height, width, channels },
  amount,
  random,
) => {
  target.set(source)
  if (random.uniform() >= amount) return
  const tall = Math.max(Math.round(height * (0.2 + 0.3 * random.uniform())), 1)
  const wide = Math.max(Math.round(width * (0.2 + 0.3 * random.uniform())), 1)
  const top = random.integer(height - tall + 1)
  const left = random.integer(width - wide + 1)
  const grey = random.integer(256)
  for (let row = top; row < top + tall; row++) {
    const start = (row * width + left) * channels
    target.fill(grey, start, start + wide * channels)
  }
}

/** Multiplies by a factor from 1 - `amount` to 1 + `amount`. */
export const brightness: ImageOperation = (source, target, _size, amount, random) => {
  const factor = factorAround1(amount, random)
  applyTable(source, target, (value) => value * factor)
}

/** Scales around the mean grey by a factor from 1 - `amount` to 1 + `amount`. */
export const contrast: ImageOperation = (source, target, { channels }, amount, random) => {
  const factor = factorAround1(amount, random)
  let sum = 0
  for (let i = 0; i < source.length; i += channels) sum += greyAt(source, i, channels)
  const mean = (sum * channels) / source.length
  applyTable(source, target, (value) => mean + (value - mean) * factor)
}

/** Scales around each pixel's grey by a factor from 1 - `amount` to 1 + `amount`; leaves grey images as they are. */
export const saturation: ImageOperation = (source, target, { channels }, amount, random) => {
  const factor = factorAround1(amount, random)
  if (channels === 1) {
    target.set(source)
    return
  }
  const clamped = new Uint8ClampedArray(target.buffer, target.byteOffset, target.length)
  for (let i = 0; i < source.length; i += 3) {
    const grey = (1 - factor) * greyAt(source, i, channels)
    clamped[i] = grey + factor * (source[i] as number)
    clamped[i + 1] = grey + factor * (source[i + 1] as number)
    clamped[i + 2] = grey + factor * (source[i + 2] as number)
  }
}

/** A number between -`amount` and `amount`. */
function eitherWay(amount: number, random: Random): number {
  return amount * (2 * random.uniform() - 1)
}

function factorAround1(amount: number, random: Random): number {
  return Math.max(0, 1 + eitherWay(amount, random))
}

/** Luma of ITU-R BT.601. */
function greyAt(pixels: Uint8Array, i: number, channels: number): number {
  if (channels === 1) return pixels[i] as number
  return (
    0.299 * (pixels[i] as number) +
    0.587 * (pixels[i + 1] as number) +
    0.114 * (pixels[i + 2] as number)
  )
}

function applyTable(
  source: Uint8Array,
  target: Uint8Array,
  change: (value: number) => number,
): void {
  const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => change(value))
  for (let i = 0; i < source.length; i++) target[i] = table[source[i] as number] as number
}

/** Between four values, where two rows and two columns begin, half a step up: what is cut to an integer is rounded then. */
function interpolate(
  source: Uint8Array,
  upper: number,
  lower: number,
  left: number,
  right: number,
  down: number,
  across: number,
): number {
  const a = source[upper + left] as number
  const b = source[upper + right] as number
  const c = source[lower + left] as number
  const d = source[lower + right] as number
  const above = a + (b - a) * across
  return above + (c + (d - c) * across - above) * down + 0.5
}

/** For each of `length` output pixels the two input pixels to mix and the weight of the second; pixels have centres. */
function samplePoints(length: number, start: number, extent: number) {
  const first = new Int32Array(length)
  const second = new Int32Array(length)
  const weight = new Float64Array(length)
  for (let i = 0; i < length; i++) {
    const at = Math.min(length - 1, Math.max(0, start + ((i + 0.5) * extent) / length - 0.5))
    first[i] = Math.floor(at)
    second[i] = Math.min(length - 1, Math.floor(at) + 1)
    weight[i] = at - Math.floor(at)
  }
  return { first, second, weight }
}

function clamp(index: number, length: number): number {
  return Math.min(length - 1, Math.max(0, index))
}
