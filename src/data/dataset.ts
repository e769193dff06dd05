import { GraftError } from '../errors.ts'
import { type DataEvent, decodeImages, type LabelledImages } from './decode-images.ts'
import { fingerprint } from './fingerprint.ts'
import type { Images, Size } from './pixels.ts'
import type { SkippedFile, Source, SourceKind } from './source.ts'
import { usableClasses } from './usable-classes.ts'

/** A data set in memory: all its images decoded once, to one size. */
export type Dataset = {
  readonly kind: SourceKind
  readonly path: string
  readonly classes: readonly string[]
  readonly train: LabelledImages
  readonly unlabelled: Images | null
  readonly test: LabelledImages | null
  readonly skipped: readonly SkippedFile[]
  /** See `fingerprint`. */
  readonly fingerprint: string
}

export type DecodeOptions = {
  /** Whether anybody wants the unlabelled images; default true. */
  readonly unlabelled?: boolean
  /** Where decoded images are cached; default `cacheFolder()`, null for nowhere. */
  readonly cache?: string | null
}

/**
 * Decodes a source to images of one size, with an event for each file that had to be skipped. A class of which no
 * training image can be decoded is left out, with its test images, and noted in `skipped`. Throws `bad-input` where
 * fewer than two classes are left, and where there are test images but none can be decoded.
 */
export async function* decodeDataset(
  source: Source,
  size: Size,
  options: DecodeOptions = {},
): AsyncGenerator<DataEvent, Dataset> {
  for (const skip of source.skipped) yield { type: 'skipped', ...skip }

  const train = yield* decodeImages('train', source.train, size, options.cache)
  const { classes, lost } = usableClasses(source, train.labels)
  for (const skip of lost) yield { type: 'skipped', ...skip }

  const wanted = options.unlabelled === false ? [] : source.unlabelled
  const unlabelled = yield* decodeImages('unlabelled', wanted, size, options.cache)
  const measurable = (source.test ?? []).filter(({ label }) =>
    classes.includes(source.classes[label] as string),
  )
  const test = yield* decodeImages('test', measurable, size, options.cache)
  if (measurable.length > 0 && test.images.count === 0) {
    throw new GraftError('bad-input', `${source.path}: none of the test images can be decoded`)
  }

  const numbers = source.classes.map((name) => classes.indexOf(name))
  const renumber = ({ images, labels }: LabelledImages): LabelledImages => {
    return { images, labels: labels.map((label) => numbers[label] as number) }
  }
  return {
    kind: source.kind,
    path: source.path,
    classes,
    train: renumber(train),
    unlabelled: unlabelled.images.count === 0 ? null : unlabelled.images,
    test: test.images.count === 0 ? null : renumber(test),
    skipped: [source, train, { skipped: lost }, unlabelled, test].flatMap(({ skipped }) => skipped),
    fingerprint: fingerprint(source),
  }
}
