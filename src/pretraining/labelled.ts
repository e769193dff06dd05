import { type ImageStream, subsetOf } from '../data/image-stream.ts'
import { GraftError } from '../errors.ts'
import { classifyLabels } from './classification.ts'
import {
  type Labels,
  labelledIndices,
  type PretrainingMethod,
  type PretrainingOptions,
} from './method.ts'

/** The labels that a method may learn from. */
export type Known = {
  readonly classes: number
  /** The images that have one, in the stream. */
  readonly indices: readonly number[]
  /** The class of each of these. */
  readonly labels: readonly number[]
  /** These images alone. */
  readonly images: ImageStream
}

/**
 * The labels that a method may learn from, and the images that have one.
 *
 * @throws GraftError `bad-input` where there are fewer than two classes
 */
export function labelledOf({ images, labels: given }: PretrainingOptions, name: string): Known {
  const indices = labelledIndices(given)
  const labels = indices.map((index) => (given as Labels).labels[index] as number)
  if (!given || new Set(labels).size < 2) {
    throw new GraftError(
      'bad-input',
      `${name}: needs images of at least two classes that are easy to get: give a folder of class folders`,
    )
  }
  return { classes: given.classes.length, indices, labels, images: subsetOf(images, indices) }
}

/** The classes of other images with plenty of labels: the related task (Pan and Yang, 2010). */
export const labelled: PretrainingMethod = {
  name: 'labelled',
  variants: ['classes'],
  epochs: 20,
  passes: 1,
  needs: 'labels',
  learnsFrom: async ({ labels }) => labelledIndices(labels).length,
  async *pretrain(options) {
    const known = labelledOf(options, 'labelled')
    return yield* classifyLabels('labelled', known.classes, known, options)
  },
}
