import { GraftError } from '../errors.ts'
import type { Random } from '../random.ts'
import { indicesByClass } from './labels.ts'

/** Ascending indices of images to train on and to validate on. */
export type Split = { readonly train: readonly number[]; readonly validation: readonly number[] }

export type Fold = Split & { readonly repeat: number; readonly fold: number }

/**
 * Stratified k-fold cross-validation, repeated with new shuffles (Kohavi 1995). In each repeat every image is validated
 * once, except the image of a class that has but one, which always trains; the images of a class in two folds differ by
 * at most one, and so do the sizes of two folds. `folds` is lowered to the size of the smallest class with at least two
 * images, so that every fold validates every such class. Throws `bad-input` where no class has two images, and
 * `bad-usage` for fewer than 2 folds or 1 repeat.
 */
export function stratifiedFolds(
  labels: ArrayLike<number>,
  folds: number,
  random: Random,
  repeats = 1,
): Fold[] {
  if (!Number.isInteger(folds) || folds < 2) {
    throw new GraftError(
      'bad-usage',
      `the number of folds must be an integer of at least 2, not ${folds}`,
    )
  }
  if (!Number.isInteger(repeats) || repeats < 1) {
    throw new GraftError(
      'bad-usage',
      `the number of repeats must be a positive integer, not ${repeats}`,
    )
  }
  const classes = divisibleClasses(labels)
  const count = Math.min(folds, ...classes.map((indices) => indices.length))
  return Array.from({ length: repeats }, (_, repeat) => {
    const shuffler = random.fork(`repeat ${repeat}`)
    const foldOf = new Int32Array(labels.length).fill(-1)
    // Each class goes on dealing where the last one stopped: that keeps the folds of one size.
    let next = 0
    for (const indices of classes) {
      for (const i of shuffler.shuffle(indices)) foldOf[i] = next++ % count
    }
    return Array.from({ length: count }, (_, fold) => ({
      repeat,
      fold,
      ...splitBy(labels.length, (i) => foldOf[i] === fold),
    }))
  }).flat()
}

/**
 * A single stratified split: `fraction` of each class, rounded, goes to validation, but at least one image and never
 * all; the image of a class that has but one trains. Throws `bad-input` where no class has two images, and `bad-usage`
 * unless 0 < fraction < 1.
 */
export function stratifiedSplit(
  labels: ArrayLike<number>,
  fraction: number,
  random: Random,
): Split {
  if (!(fraction > 0 && fraction < 1)) {
    throw new GraftError(
      'bad-usage',
      `the fraction to validate on lies between 0 and 1, not ${fraction}`,
    )
  }
  const validated = new Set<number>()
  for (const indices of divisibleClasses(labels)) {
    const share = Math.round(indices.length * fraction)
    const count = Math.min(indices.length - 1, Math.max(1, share))
    for (const i of random.shuffle(indices).slice(0, count)) validated.add(i)
  }
  return splitBy(labels.length, (i) => validated.has(i))
}

/** The indices of each class that can be both trained and validated on. */
function divisibleClasses(labels: ArrayLike<number>): number[][] {
  const classes = [...indicesByClass(labels).values()].filter((indices) => indices.length > 1)
  if (classes.length === 0) {
    throw new GraftError(
      'bad-input',
      'no class has two labelled images, so there is nothing to validate on: label more images',
    )
  }
  return classes
}

function splitBy(count: number, isValidated: (index: number) => boolean): Split {
  const all = Array.from({ length: count }, (_, i) => i)
  return { train: all.filter((i) => !isValidated(i)), validation: all.filter(isValidated) }
}
