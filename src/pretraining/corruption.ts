import type { Size } from '../data/pixels.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import type { Random } from '../random.ts'

/** How images are spoiled before a network has to mend them; pixels lie between -1 and 1. */
export type Corruption = {
  /** The standard deviation of Gaussian noise that is added. */
  readonly noise: number
  /** The share of each image that is set to grey. */
  readonly masked: number
  /** The side of what is masked at once, in pixels. */
  readonly patch: number
}

export const noiseInput = 'graft.noise'
export const maskInput = 'graft.mask'

const tableSize = 2 ** 18

/**
 * Draws noise [N, C, H, W] and masks [N, 1, H, W] (0 where an image is masked, 1 elsewhere). Noise is read from a table of normal numbers, from a
 * place that is drawn for each image: to draw each number anew takes longer than a small network's step.
 */
export function corruptions(
  { height, width, channels }: Size,
  { noise, masked, patch }: Corruption,
  random: Random,
): (count: number, draws: Random) => { readonly noise: Tensor; readonly mask: Tensor } {
  const values = channels * height * width
  const table = Float32Array.from({ length: tableSize + values }, () => noise * random.normal())
  const [rows, columns] = [Math.ceil(height / patch), Math.ceil(width / patch)]
  return (count, draws) => {
    const noises = new Float32Array(count * values)
    const masks = new Float32Array(count * height * width).fill(1)
    for (let image = 0; image < count; image++) {
      const from = draws.integer(tableSize)
      noises.set(table.subarray(from, from + values), image * values)
      if (masked === 0) continue
      for (let cell = 0; cell < rows * columns; cell++) {
        if (draws.uniform() >= masked) continue
        const [top, left] = [Math.floor(cell / columns) * patch, (cell % columns) * patch]
        for (let y = top; y < Math.min(top + patch, height); y++) {
          const row = image * height * width + y * width
          masks.fill(0, row + left, row + Math.min(left + patch, width))
        }
      }
    }
    return {
      noise: float32([count, channels, height, width], noises),
      mask: float32([count, 1, height, width], masks),
    }
  }
}
