import type { Random } from '../random.ts'
import { limitLabels, type ShortClass } from './labels.ts'
import { scan, scanTest, scanUnlabelled } from './scan.ts'
import type { Source } from './source.ts'

export type OpenOptions = {
  /** Further images to measure on; they take the place of the source's own test part. */
  readonly test?: string | null
  /** Further images without labels, beside the source's own. */
  readonly unlabelled?: string | null
  /** Labels to keep of each class, chosen by `random`; default all. */
  readonly labelsPerClass?: number | null
}

/**
 * Scans a data set and what is given beside it; cheap, since nothing is decoded. `short` lists the classes that have
 * fewer than `labelsPerClass` images. Throws what `scan`, `scanTest`, `scanUnlabelled` and `keepLabels` throw.
 */
export async function openSource(
  path: string,
  options: OpenOptions,
  random: Random,
): Promise<{ source: Source; short: readonly ShortClass[] }> {
  const own = await scan(path)
  const test = options.test ? await scanTest(options.test, own.classes) : null
  const more = options.unlabelled ? await scanUnlabelled(options.unlabelled) : null
  const source: Source = {
    ...own,
    test: test?.test ?? own.test,
    unlabelled: [...own.unlabelled, ...(more?.unlabelled ?? [])],
    skipped: [own, test, more].flatMap((part) => part?.skipped ?? []),
  }
  if (options.labelsPerClass == null) return { source, short: [] }
  return limitLabels(source, options.labelsPerClass, random)
}
