import { GraftError } from '../errors.ts'
import { type DataEvent, decodeImages } from './decode-images.ts'
import { type Duplicate, findDuplicates } from './duplicates.ts'
import type { Size } from './pixels.ts'
import type { Source } from './source.ts'
import { type StreamedItems, streamItems } from './stream-items.ts'

/** The files that an error names. */
const mostNamed = 3

/**
 * All images of a source that may be learned from without labels, at a size: those that have none and those that have some, and never a test
 * image; with their labels, for methods that learn from other labels than those that are wanted. What was told to be test data must not come
 * back under another name: equality is that of the decoded pixels. The stream has to be closed.
 *
 * @param held what the test images of the source are called in an error
 * @throws GraftError `bad-input` where an image of the pool is also a test image, naming both files
 */
export async function* decodePool(
  source: Source,
  size: Size,
  held = 'test images',
): AsyncGenerator<DataEvent, StreamedItems> {
  const test =
    source.test && source.test.length > 0 ? yield* decodeImages('test', source.test, size) : null
  const leaks: Duplicate[] = []
  const pool = yield* streamItems(
    'unlabelled',
    [...source.train, ...source.unlabelled],
    size,
    (images) => {
      if (test) leaks.push(...findDuplicates(images, test.images))
    },
  )
  if (leaks.length === 0) return pool
  await pool.images.close()
  const named = leaks.slice(0, mostNamed).map((leak) => `${leak.train} is ${leak.test}`)
  const more = leaks.length > mostNamed ? `, and ${leaks.length - mostNamed} more` : ''
  throw new GraftError(
    'bad-input',
    `${source.path}: pretraining would see ${held}: ${named.join(', ')}${more}; remove them from one of the two`,
  )
}
