import type { Random } from '../random.ts'
import { limitLabels, type ShortClass } from './labels.ts'
import { scan, scanImages, scanTest, scanUnlabelled } from './scan.ts'
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
 * fewer than `labelsPerClass` images. Throws what `scan`, `scanTest`, `scanUnlabelled` and `limitLabels` throw.
 */
export async function openSource(
  path: string,
  options: OpenOptions,
  random: Random,
): Promise<{ source: Source; short: readonly ShortClass[] }> {
  const own = await scan(path)
  const test = options.test ? await scanTest(options.test, own.classes) : null
  const tested: Source = {
    ...own,
    test: test?.test ?? own.test,
    skipped: [...own.skipped, ...(test?.skipped ?? [])],
  }
  const source = await withUnlabelled(tested, options.unlabelled)
  if (options.labelsPerClass == null) return { source, short: [] }
  return limitLabels(source, options.labelsPerClass, random)
}

/**
 * The same for images to learn from without the labels that are wanted in the end. Throws what `scanImages` and `scanUnlabelled` throw.
 *
 * @param unlabelled further images, or null
 */
export async function openImages(path: string, unlabelled: string | null): Promise<Source> {
  return withUnlabelled(await scanImages(path), unlabelled)
}

async function withUnlabelled(source: Source, path: string | null | undefined): Promise<Source> {
  if (!path) return source
  const more = await scanUnlabelled(path)
  return {
    ...source,
    unlabelled: [...source.unlabelled, ...more.unlabelled],
    skipped: [...source.skipped, ...more.skipped],
  }
}
