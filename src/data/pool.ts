import { GraftError } from '../errors.ts'
import { type DataEvent, decodeImages, type LabelledImages } from './decode-images.ts'
import { findDuplicates } from './duplicates.ts'
import type { Size } from './pixels.ts'
import type { Source } from './source.ts'

/** The files that an error names. */
const mostNamed = 3

/**
 * All images of a source that may be learned from without labels, at a size: those that have none and those that have some, and never a test
 * image; with their labels, for methods that learn from other labels than those that are wanted. What was told to be test data must not come back under another name: equality is that of the decoded pixels.
 *
 * @throws GraftError `bad-input` where an image of the pool is also a test image, naming both files
 */
export async function* decodePool(
  source: Source,
  size: Size,
): AsyncGenerator<DataEvent, LabelledImages> {
  const pool = yield* decodeImages('unlabelled', [...source.train, ...source.unlabelled], size)
  if (!source.test || source.test.length === 0) return pool
  const test = yield* decodeImages('test', source.test, size)
  const leaks = findDuplicates(pool.images, test.images)
  if (leaks.length > 0) {
    const named = leaks.slice(0, mostNamed).map((leak) => `${leak.train} is ${leak.test}`)
    const more = leaks.length > mostNamed ? `, and ${leaks.length - mostNamed} more` : ''
    throw new GraftError(
      'bad-input',
      `${source.path}: pretraining would see test images: ${named.join(', ')}${more}; remove them from one of the two`,
    )
  }
  return pool
}
