import type { ProgressEvent } from '../training/task.ts'
import type { Preparation } from './preparation.ts'

/** A network to reuse, on the disk. */
export type ResolvedBackbone = Preparation & {
  /** How people call it: the path, the address or `owner/name`. */
  readonly name: string
  /** What leads to the very same file again: for the hub with the commit and the file's path. */
  readonly spec: string
  readonly path: string
  /** The SHA-256 of the file. */
  readonly digest: string
  /** The commit on the hub. */
  readonly revision: string | null
  readonly license: string | null
}

/** What happens while a backbone is looked for. */
export type BackboneEvent = ProgressEvent | { readonly type: 'notice'; readonly sentence: string }
