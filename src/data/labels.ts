import { GraftError } from '../errors.ts'
import type { Random } from '../random.ts'
import { sizeOfItem } from './probe.ts'
import type { Item, Source } from './source.ts'

/** A class with fewer labels than were asked for. */
export type ShortClass = { readonly label: number; readonly count: number }

export type KeptLabels = {
  /** Ascending indices of the images that keep their label. */
  readonly kept: number[]
  /** Ascending indices of all others. */
  readonly rest: number[]
  readonly short: ShortClass[]
}

/** The indices of each class, in ascending order of labels and, within a class, of indices. */
export function indicesByClass(labels: ArrayLike<number>): Map<number, number[]> {
  const byClass = new Map<number, number[]>()
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number
    const indices = byClass.get(label)
    if (indices === undefined) byClass.set(label, [i])
    else indices.push(i)
  }
  return new Map([...byClass].sort(([a], [b]) => a - b))
}

/**
 * Chooses `perClass` images of each class. A class with fewer keeps all, and is listed in `short`. With the same seed a
 * smaller `perClass` keeps a subset of what a larger one keeps, so that a learning curve adds labels and swaps none.
 *
 * @param isUsable says of an image whether it can be kept; the next of its class takes the place of one that cannot; default all can
 * @throws GraftError `bad-usage` unless `perClass` is a positive integer
 */
export async function keepLabels(
  labels: ArrayLike<number>,
  perClass: number,
  random: Random,
  isUsable: (index: number) => Promise<boolean> = async () => true,
): Promise<KeptLabels> {
  if (!Number.isInteger(perClass) || perClass < 1) {
    throw new GraftError(
      'bad-usage',
      `labels per class must be a positive integer, not ${perClass}`,
    )
  }
  const keep = new Set<number>()
  const short: ShortClass[] = []
  for (const [label, indices] of indicesByClass(labels)) {
    let count = 0
    for (const i of random.fork(label).shuffle(indices)) {
      if (count === perClass) break
      if (!(await isUsable(i))) continue
      keep.add(i)
      count++
    }
    if (count < perClass) short.push({ label, count })
  }
  const all = Array.from(labels, (_, i) => i)
  return { kept: all.filter((i) => keep.has(i)), rest: all.filter((i) => !keep.has(i)), short }
}

/** A source in which all but `perClass` training images of each class have lost their label; see `keepLabels`. A file that is no image keeps none. */
export async function limitLabels(
  source: Source,
  perClass: number,
  random: Random,
): Promise<{ source: Source; short: readonly ShortClass[] }> {
  const labels = source.train.map(({ label }) => label)
  const at = (i: number) => source.train[i] as Source['train'][number]
  const isImage = async (i: number) => (await sizeOfItem(at(i))) !== null
  const { kept, rest, short } = await keepLabels(labels, perClass, random, isImage)
  const hidden = rest.map((i): Item => ({ ...at(i), label: null }))
  return {
    source: { ...source, train: kept.map(at), unlabelled: [...source.unlabelled, ...hidden] },
    short,
  }
}
