import { stratifiedFolds } from '../src/data/folds.ts'
import { streamOf } from '../src/data/image-stream.ts'
import { createRandom } from '../src/random.ts'
import type { Task } from '../src/training/task.ts'
import { rememberedCheckpoints } from './checkpoints.ts'
import { drawnImages } from './drawn-images.ts'
import { runtime } from './runtime.ts'

const size = { height: 12, width: 12, channels: 3 }
const row = size.height * size.width * size.channels

/** Images of small rectangles in colour. */
export const rectangles = drawnImages({ count: 48, ...size })

/** Whether the rectangle of an image is broad. */
export function isBroad(pixels: Uint8Array): boolean {
  const columns = new Set(
    [...pixels.keys()].filter((i) => (pixels[i] as number) > 0).map((i) => Math.floor(i / 3) % 12),
  )
  return columns.size > 5
}

/** The label of every rectangle. */
export const breadths = {
  classes: ['narrow', 'broad'],
  labels: Int32Array.from({ length: rectangles.count }, (_, i) =>
    Number(isBroad(rectangles.data.subarray(i * row, (i + 1) * row))),
  ),
}

// biome-ignore lint/correctness/useYield: there is nothing to decode.
async function* at<T>(images: T): AsyncGenerator<never, T> {
  return images
}

/** The task to tell broad rectangles from narrow ones, in four folds, with checkpoints in memory. */
export function broadOrNarrow(multiplyAdds: number): Task {
  const random = createRandom(5)
  return {
    ...breadths,
    folds: stratifiedFolds(breadths.labels, 4, random.fork('folds')),
    nativeSize: size,
    images: () => at(rectangles),
    pool: () => at(streamOf(rectangles)),
    multiplyAdds,
    random,
    runtime,
    checkpoints: rememberedCheckpoints(),
  }
}
