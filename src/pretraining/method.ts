import type { ImageStream } from '../data/image-stream.ts'
import type { Images, Pixels } from '../data/pixels.ts'
import type { Graph } from '../graph/graph.ts'
import type { Random } from '../random.ts'
import type { Runtime } from '../runtime/session.ts'
import type { Design } from '../training/design.ts'
import type { Checkpoints, StrategyEvent } from '../training/task.ts'

/** A network to pretrain: its layers below the head, for images of one size. */
export type Architecture = Pick<Design, 'name' | 'size' | 'trunk'>

/** Labels by the index of the image in the stream. */
export type Labels = {
  readonly classes: readonly string[]
  /** The class of every image, -1 where it has none. */
  readonly labels: Int32Array
}

/** The images that have a label. */
export function labelledIndices(given: Labels | undefined): number[] {
  return given ? [...given.labels.keys()].filter((i) => (given.labels[i] as number) >= 0) : []
}

/** Makes a label of an image, uint8 rows, columns, channels; null where it has none. */
export type Rule = (image: Pixels & { readonly name: string }) => string | number | null

export type PretrainingOptions = {
  /** Images of the architecture's size. */
  readonly images: ImageStream
  readonly architecture: Architecture
  /** One of the method's variants; default its first. */
  readonly variant?: string
  /** Labels that may be learned from: not those that are wanted in the end, unless for a semi-supervised variant. */
  readonly labels?: Labels
  /** What says the class of an image, for the method that learns from such a rule. */
  readonly rule?: Rule
  /** Labels that are only looked at, to say how well features tell them apart. */
  readonly probe?: Labels
  /** How many passes over the images. */
  readonly epochs: number
  readonly random: Random
  readonly runtime: Runtime
  readonly checkpoints: Checkpoints
  /** After an epoch, the state is saved where so many seconds have passed; default 20. */
  readonly checkpointInterval?: number
}

/** Images that show what was learned, in rows that belong together. */
export type Pictures = { readonly caption: string; readonly rows: readonly Images[] }

export type Pretrained = {
  /** The backbone: raw pixels, uint8 [N, H, W, C], to features, [N, F] or [N, F, H', W']. */
  readonly graph: Graph
  readonly epochs: number
  /** The mean training loss of the first and of the last epoch. */
  readonly loss: { readonly first: number; readonly last: number }
  readonly pictures: Pictures | null
}

/** A way to learn from images without the labels that are wanted in the end. */
export type PretrainingMethod = {
  readonly name: string
  /** Ways to do it, by name; the first is the usual one. */
  readonly variants: readonly [string, ...string[]]
  /** Those that learn from the labels that are wanted too: a network for each fold, or its held-out labels would be known. */
  readonly semiSupervised?: readonly string[]
  /** Passes that it is worth to make over about ten thousand images. */
  readonly epochs: number
  /** What a step on an image costs, in passes of one image through the trunk. */
  readonly passes: number
  /** Whether two networks play against each other, so that the loss of one need not fall. */
  readonly isGame?: true
  /** What it needs besides images; null where that is nothing. */
  readonly needs: 'labels' | 'rule' | null
  /** How many of the images it learns from; default all. */
  learnsFrom?(options: Pick<PretrainingOptions, 'images' | 'labels' | 'rule'>): Promise<number>
  /**
   * Trains the architecture on the images and returns it as a backbone. The same options give the same bits, resumed or not.
   *
   * @throws GraftError `bad-usage` for an unknown variant, `bad-input` where the images do not suit
   */
  pretrain(options: PretrainingOptions): AsyncGenerator<StrategyEvent, Pretrained>
}
