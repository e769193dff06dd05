import type { Depth } from './depths.ts'
import type { HeadKind } from './probe.ts'

/** A way to reuse a network: what the search for a good one moves through. */
export type Reuse = {
  /** How far the network is reused. */
  readonly depth: Depth
  /**
   * What the new output layer reads: the features of that depth, or the best ones of all depths. One that is `propagated` reads the features of that depth,
   * and learned from images without labels too.
   */
  readonly head: HeadKind | 'propagated'
  /** How many of the reused blocks are trained on, from the top; 0 where all are frozen. */
  readonly thawed: number
  /** How many new blocks stand between the reused ones and the output layer. */
  readonly added: number
  /** What batch normalizations in thawed blocks normalize by: their reused statistics, or those of the batch. */
  readonly statistics: 'frozen' | 'batch'
}

/** The beginning of the recipe: everything is frozen, under a new output layer. */
export function frozenUpTo(depth: Depth): Reuse {
  return { depth, head: 'linear', thawed: 0, added: 0, statistics: 'frozen' }
}

/** A name for each way, fit for a file. */
export function keyOf({ depth, head, thawed, added, statistics }: Reuse): string {
  const { length } = depth.blocks
  const end = depth.value ? `${length}` : `${length}-scores`
  return `${head}-${end}-thawed-${thawed}-added-${added}-${statistics}`
}

/** The value up to which all stays frozen; null where everything is trained. */
export function frozenEnd({ depth, thawed }: Reuse): string | null {
  const { blocks } = depth
  if (thawed === 0) return depth.name
  return thawed < blocks.length ? (blocks[blocks.length - thawed]?.from as string) : null
}

/** How far a network is reused, in words that "--reuse" takes too, such as "block 12": exporters name values as they like. */
export function describeDepth({ blocks, value }: Depth): string {
  return value ? `block ${blocks.length}` : `the classifier's own scores`
}

/** Some of the upper blocks in words, such as "blocks 16-17 of 17". */
export function topBlocks({ blocks }: Depth, count: number): string {
  const { length } = blocks
  if (count >= length) return length === 1 ? 'the only block' : `all ${length} blocks`
  return count === 1
    ? `block ${length} of ${length}`
    : `blocks ${length - count + 1}-${length} of ${length}`
}
