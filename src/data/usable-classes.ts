import { GraftError } from '../errors.ts'
import type { SkippedFile, Source } from './source.ts'

/**
 * The classes of which images could be decoded, and the others as what was skipped.
 *
 * @param labels of the images that could be decoded, as numbers of the source's classes
 * @throws GraftError `bad-input` where fewer than two classes are left
 */
export function usableClasses(
  source: Source,
  labels: Iterable<number>,
): { readonly classes: readonly string[]; readonly lost: readonly SkippedFile[] } {
  const present = new Set(labels)
  const classes = source.classes.filter((_, label) => present.has(label))
  if (classes.length < 2) {
    const left = classes.length === 0 ? 'none of its images' : `only the images of "${classes[0]}"`
    throw new GraftError(
      'bad-input',
      `${source.path}: ${left} can be decoded; at least two classes are needed`,
    )
  }
  const lost = source.classes
    .filter((_, label) => !present.has(label))
    .map((file) => ({ file, reason: 'the class is left out: none of its images can be decoded' }))
  return { classes, lost }
}
