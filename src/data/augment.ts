import type { Random } from '../random.ts'
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
import { bytesPerImage, type Size } from './pixels.ts'

/** How strongly images are changed; 0 (or false) is off. */
export type AugmentationRecipe = {
  /** The least fraction of the area that a crop keeps, such as 0.5. */
  readonly crop: number
  /** Whether half of the images are mirrored left and right. */
  readonly flip: boolean
  /** The most that an image moves, as a fraction of its height and of its width. */
  readonly shift: number
  /** The most that an image is turned either way, in degrees. */
  readonly turn: number
  /** The factors of these three lie within 1 - x to 1 + x. */
  readonly brightness: number
  readonly contrast: number
  readonly saturation: number
  /** Intensities are raised to a power within exp(-x) to exp(x). */
  readonly gamma: number
  /** The share of images in which a box is hidden. */
  readonly erase: number
}

/** Digits and clothes must not be mirrored, photographs may: grey images are taken for the former. */
export const isPhotographic = ({ channels }: Pick<Size, 'channels'>): boolean => channels === 3

export const noAugmentation: AugmentationRecipe = {
  crop: 0,
  flip: false,
  shift: 0,
  turn: 0,
  brightness: 0,
  contrast: 0,
  saturation: 0,
  gamma: 0,
  erase: 0,
}

/** What leaves digits and clothes what they are: they move a little. */
const slightShift: AugmentationRecipe = { ...noAugmentation, shift: 0.08 }

/** A recipe for images of some size: the one given where they are photographs, and a slight shift where they are not. */
export const augmentationFor = (
  size: Pick<Size, 'channels'>,
  photograph: AugmentationRecipe,
): AugmentationRecipe => (isPhotographic(size) ? photograph : slightShift)

/** In the order in which they are applied. */
const operations: Readonly<Record<keyof AugmentationRecipe, ImageOperation>> = {
  crop,
  flip,
  shift,
  turn,
  brightness,
  contrast,
  saturation,
  gamma,
  erase,
}

/**
 * Changes each image of an NHWC batch at random, as `recipe` says, and writes the result to `out`: a new buffer unless
 * one of the same length is given. `batch` is not changed. The same `random` gives the same images.
 */
export function augment(
  batch: Uint8Array,
  size: Size,
  recipe: AugmentationRecipe,
  random: Random,
  out = new Uint8Array(batch.length),
): Uint8Array {
  const steps = Object.entries(operations)
    .map(([name, apply]) => ({ apply, amount: Number(recipe[name as keyof AugmentationRecipe]) }))
    .filter(({ amount }) => amount > 0)
  if (steps.length === 0) {
    out.set(batch)
    return out
  }
  const row = bytesPerImage(size)
  const spares = [new Uint8Array(row), new Uint8Array(row)] as const
  for (let start = 0; start < batch.length; start += row) {
    let source = batch.subarray(start, start + row)
    for (const [i, { apply, amount }] of steps.entries()) {
      const isLast = i === steps.length - 1
      const target = isLast ? out.subarray(start, start + row) : spares[i % 2 === 0 ? 0 : 1]
      apply(source, target, size, amount, random)
      source = target
    }
  }
  return out
}
