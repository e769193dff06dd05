import { type DataEvent, decodeImages } from '../data/decode-images.ts'
import { type OpenOptions, openSource } from '../data/open-source.ts'
import type { Images, Size } from '../data/pixels.ts'
import { decodePool } from '../data/pool.ts'
import type { SkippedFile, Source } from '../data/source.ts'
import { usableClasses } from '../data/usable-classes.ts'
import { GraftError } from '../errors.ts'
import { mapEvents } from '../events.ts'
import { createRandom } from '../random.ts'
import type { Task } from '../training/task.ts'

/** The data of a run, with as many labels as it keeps; see `openSource`. */
export const openData = (
  configuration: OpenOptions & { readonly data: string; readonly seed: number },
) => openSource(configuration.data, configuration, createRandom(configuration.seed).fork('labels'))

/** The labelled images that can be used. */
export type Labelled = {
  readonly classes: readonly string[]
  readonly labels: Int32Array
  readonly images: Task['images']
}

/** Decodes the labelled images once to find out which of them can be used; other sizes follow on demand. */
export async function* decodeLabelled(
  source: Source,
  size: Size,
): AsyncGenerator<DataEvent, Labelled> {
  for (const skip of source.skipped) yield { type: 'skipped', ...skip }
  const first = yield* decodeImages('train', source.train, size)
  const { classes, lost } = usableClasses(source, first.labels)
  for (const skip of lost) yield { type: 'skipped', ...skip }
  const decoded = new Map<string, Images>([[keyOf(size), first.images]])
  return {
    classes,
    labels: first.labels.map((label) => classes.indexOf(source.classes[label] as string)),
    async *images(wanted) {
      const known = decoded.get(keyOf(wanted))
      if (known) return known
      const { images } = yield* decodeImages('train', source.train, wanted)
      if (images.names.join('\n') !== first.images.names.join('\n')) {
        throw new GraftError(
          'bad-input',
          `${source.path}: other files can be read now than at first: see to it that they stay as they are, and start again`,
        )
      }
      decoded.set(keyOf(wanted), images)
      return images
    },
  }
}

/** The files of each part that cannot be used: those that are skipped at one size are not named again at the next. */
export function namedOnce() {
  const skips = new Map<string, SkippedFile>()
  return {
    of: <E extends { readonly type: string }, R>(events: AsyncGenerator<E, R>) =>
      mapEvents(events, (event) => {
        if (!isSkip(event)) return event
        const key = `${event.part === 'test'} ${event.file}`
        if (skips.has(key)) return null
        skips.set(key, { file: event.file, reason: event.reason })
        return event
      }),
    all: (): readonly SkippedFile[] => [...skips.values()],
  }
}

type Skip = Extract<DataEvent, { readonly type: 'skipped' }>

const isSkip = <E extends { readonly type: string }>(event: E): event is E & Skip =>
  event.type === 'skipped'

/** The pool of a source. */
export function poolOf(source: Source): Task['pool'] {
  return async function* (size) {
    const { images } = yield* decodePool(source, size)
    return images
  }
}

function keyOf({ height, width, channels }: Size): string {
  return `${height}x${width}x${channels}`
}
