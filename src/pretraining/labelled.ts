import { augment } from '../data/augment.ts'
import { subsetOf } from '../data/image-stream.ts'
import { GraftError } from '../errors.ts'
import { classify, gentleAugmentation } from './classification.ts'
import type { PretrainingMethod, PretrainingOptions } from './method.ts'

/** The labels that a method may learn from, and the images that have one. */
export function labelledOf({ images, labels }: PretrainingOptions, name: string) {
  const indices = [...(labels?.labels.keys() ?? [])].filter(
    (i) => (labels?.labels[i] as number) >= 0,
  )
  const known = new Set(indices.map((i) => labels?.labels[i]))
  if (!labels || known.size < 2) {
    throw new GraftError(
      'bad-input',
      `${name}: needs images of at least two classes that are easy to get: give a folder of class folders`,
    )
  }
  return {
    images: subsetOf(images, indices),
    labels: indices.map((i) => labels.labels[i] as number),
  }
}

/** The classes of other images with plenty of labels: the related task (Pan and Yang, 2010). */
export const labelled: PretrainingMethod = {
  name: 'labelled',
  summary: 'tells other classes apart, of which there are plenty of labels',
  variants: ['classes'],
  epochs: 20,
  passes: 1,
  needs: 'labels',
  async *pretrain(options) {
    const { images, labels } = labelledOf(options, 'labelled')
    const { size } = options.architecture
    const recipe = gentleAugmentation(size.channels)
    return yield* classify(
      {
        name: 'labelled',
        classes: options.labels?.classes.length ?? 0,
        images,
        pose: ({ pixels, indices }, draws) => ({
          pixels: augment(pixels, size, recipe, draws),
          labels: Array.from(indices, (index) => labels[index] as number),
        }),
      },
      options,
    )
  },
}
