import { type ImageStream, subsetOf } from '../data/image-stream.ts'
import { bytesPerImage, type Images } from '../data/pixels.ts'
import type { Graph } from '../graph/graph.ts'
import { costOf } from '../training/cost.ts'
import type { Task } from '../training/task.ts'

/** More images say little more, and each is compared with every other. */
const mostImages = 20_000
/** The pixels and the share of the budget that they may take. */
const mostBytes = 2 ** 28
const shareOfBudget = 1 / 8

/**
 * Images of a pool that are not labelled, drawn at random where there are too many.
 *
 * @param network what they have to go through once
 * @returns null where they are fewer than the labelled ones, and there is little to learn from them
 */
export async function unlabelledOf(
  task: Task,
  network: Graph,
  pool: ImageStream,
  labelled: Images,
): Promise<Images | null> {
  const cost = await costOf(task, network)
  const most = Math.min(
    mostImages,
    Math.floor(mostBytes / bytesPerImage(pool)),
    Math.floor((shareOfBudget * task.multiplyAdds) / cost),
  )
  const others = labelledRows(pool, labelled).flatMap((row, index) => (row < 0 ? [index] : []))
  const drawn = others.length > most ? task.random.fork('unlabelled').shuffle(others) : others
  const indices = drawn.slice(0, most)
  if (indices.length < labelled.count) return null
  const { height, width, channels, count, names } = subsetOf(pool, indices)
  return { height, width, channels, count, names, data: await pool.read(indices) }
}

/**
 * Which of the labelled images each image of a pool is, -1 where it is none of them. Labelled images come first in a pool: another of the same name comes from another
 * folder.
 */
export function labelledRows(
  { names }: Pick<ImageStream, 'names'>,
  labelled: Pick<Images, 'names'>,
): number[] {
  const rows = new Map(labelled.names.map((name, row) => [name, row]))
  return names.map((name) => {
    const row = rows.get(name) ?? -1
    rows.delete(name)
    return row
  })
}
