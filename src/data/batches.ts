import { GraftError } from '../errors.ts'
import type { Random } from '../random.ts'

/** The images of one step. `weights` is 1 for each, and 0 for those that only fill the last batch. */
export type Batch = { readonly indices: Int32Array; readonly weights: Float32Array }

/**
 * One epoch of batches that all have exactly `batchSize` images: those at `indices` (or 0 to `indices` - 1 for a
 * number), shuffled by `random`, or in their order where it is null. The last batch is filled up with images from the
 * start of the same order at weight 0: real images keep its batch statistics sane. Throws `bad-usage` unless
 * `batchSize` is a positive integer.
 */
export function* batches(
  indices: number | readonly number[],
  batchSize: number,
  random: Random | null,
): Generator<Batch> {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new GraftError('bad-usage', `the batch size must be a positive integer, not ${batchSize}`)
  }
  const listed =
    typeof indices === 'number' ? Array.from({ length: indices }, (_, i) => i) : indices
  const order = random === null ? listed : random.shuffle(listed)
  for (let start = 0; start < order.length; start += batchSize) {
    const positions = Array.from({ length: batchSize }, (_, i) => start + i)
    yield {
      indices: Int32Array.from(positions, (i) => order[i % order.length] as number),
      weights: Float32Array.from(positions, (i) => (i < order.length ? 1 : 0)),
    }
  }
}
