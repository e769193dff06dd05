import type { PixelBlock } from './pixels.ts'

/** Where the pixels of an image are: a file (`modified` in milliseconds since 1970), or a row of a block in memory. */
export type Origin =
  | { readonly file: string; readonly bytes: number; readonly modified: number }
  | { readonly block: PixelBlock; readonly index: number }

/** An image that is not yet decoded. `name` is relative to the source, with `/` on every platform. */
export type Item = {
  readonly name: string
  /** An index into the classes of the source; null where the image has no label. */
  readonly label: number | null
  readonly origin: Origin
}

export type LabelledItem = Item & { readonly label: number }

/** A file or a class that could not be used, and why. */
export type SkippedFile = { readonly file: string; readonly reason: string }

export type SourceKind = 'folder' | 'manifest' | 'idx'

/** The immutable description of what a path holds; nothing is decoded yet. */
export type Source = {
  readonly kind: SourceKind
  readonly path: string
  readonly classes: readonly string[]
  readonly train: readonly LabelledItem[]
  readonly unlabelled: readonly Item[]
  readonly test: readonly LabelledItem[] | null
  readonly skipped: readonly SkippedFile[]
}

/** An image as a reader finds it, with the name of its class instead of an index. */
export type FoundImage = {
  readonly name: string
  readonly className: string | null
  readonly origin: Origin
}

/** What a reader of one kind of source found, before classes are numbered. */
export type Found = {
  readonly kind: SourceKind
  readonly train: readonly FoundImage[]
  readonly unlabelled: readonly FoundImage[]
  readonly test: readonly FoundImage[] | null
  readonly skipped: readonly SkippedFile[]
}

/** Order by UTF-16 code units: the same on every machine, unlike a locale's order. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
