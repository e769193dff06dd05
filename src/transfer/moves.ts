import type { Depth } from './depths.ts'
import { describeDepth, type Reuse, topBlocks } from './reuse.ts'

/** What the search knows before it begins. */
export type Known = {
  /** What the classifier of the network reads. */
  readonly top: Depth
  /** Depths that seemed better than the top in one pass over the images, the best first. */
  readonly rivals: readonly Depth[]
  /** Whether there are several depths to select features from. */
  readonly isSelectable: boolean
  /** The next lower depth that explains the labels no worse, as far as one pass can tell; null where there is none. */
  lower(depth: Depth): Depth | null
  /** Whether there are images without labels to learn from. */
  readonly hasUnlabelled: boolean
  /** Whether labels are many enough to train new blocks. */
  readonly isPlenty: boolean
  /** Whether there are batch normalizations among the upper blocks. */
  isNormalized(depth: Depth, thawed: number): boolean
}

/** One kind of step: where it leads from a way to reuse a network, in the order in which to try. */
type Move = {
  to(at: Reuse, known: Known, wasTakenBack: (reuse: Reuse) => boolean): readonly Reuse[]
  /** What was done, in words. */
  describe(from: Reuse, to: Reuse): string
  /** It leads to nothing less simple: it is kept where the mean loss gains, however little, unless accuracy loses more than noise. Default: only where the gain is more than noise and accuracy does not lose. */
  readonly isAsSimple?: true
}

const all = ({ depth }: Reuse) => depth.blocks.length
const thaw = (at: Reuse, thawed: number): Reuse => {
  const head = at.head === 'propagated' ? at.head : 'linear'
  return { ...at, head, thawed }
}
const mostAdded = 2
/** So many blocks or fewer are thawed one at a time. */
const few = 4
const describeThaw = (_: Reuse, { depth, thawed }: Reuse) => `thawed ${topBlocks(depth, thawed)}`

/**
 * The steps of the recipe that practitioners follow by hand (Yosinski et al., 2014; Géron, Hands-On Machine Learning, chapter 11): the search makes the first
 * that applies and was not tried yet, and begins anew with the first after each that is kept.
 */
export const moves: readonly Move[] = [
  // Start at a good place.
  {
    to: (at, { rivals }) =>
      at.thawed === 0 && at.added === 0
        ? rivals.map((depth) => ({ ...at, depth, head: 'linear' }))
        : [],
    describe: (from, to) =>
      `reused up to ${describeDepth(to.depth)} instead of ${describeDepth(from.depth)}`,
  },
  {
    to: (at, { top, isSelectable }) =>
      isSelectable && at.added === 0
        ? [{ ...at, depth: top, head: 'selected', thawed: 0, statistics: 'frozen' }]
        : [],
    describe: () => 'an output layer on the best features of all depths',
  },
  // Let images without labels tell the output layer what looks alike (Iscen et al., 2019).
  {
    to: (at, { hasUnlabelled }) =>
      hasUnlabelled && at.thawed === 0 && at.added === 0 ? [{ ...at, head: 'propagated' }] : [],
    describe: () => 'an output layer that learned from images without labels too',
    isAsSimple: true,
  },
  // Thaw the top one or two blocks, then all, then half of them where all were too many.
  {
    to: (at) => (at.thawed === 0 ? [thaw(at, all(at) > few ? 2 : 1)] : []),
    describe: describeThaw,
  },
  { to: (at) => (at.thawed < all(at) ? [thaw(at, all(at))] : []), describe: describeThaw },
  {
    to: (at, _, wasTakenBack) => {
      const half = Math.ceil(all(at) / 2)
      const isBetween = at.thawed > 0 && at.thawed < half && wasTakenBack(thaw(at, all(at)))
      return isBetween ? [thaw(at, half)] : []
    },
    describe: describeThaw,
  },
  // Where all at once were too many of few blocks: one more, and again (gradual unfreezing; Howard and Ruder, 2018).
  {
    to: (at) =>
      at.thawed > 0 && at.thawed + 1 < all(at) && all(at) <= few ? [thaw(at, at.thawed + 1)] : [],
    describe: describeThaw,
  },
  // What is worth little frozen may be worth much once it is thawed.
  {
    to: (at, { top }) =>
      at.depth === top || at.added > 0 ? [] : [thaw({ ...at, depth: top }, top.blocks.length)],
    describe: (_, to) =>
      `reused up to ${describeDepth(to.depth)} again and thawed ${topBlocks(to.depth, to.thawed)}`,
  },
  {
    to: (at, { isNormalized }) =>
      at.thawed > 0 && isNormalized(at.depth, at.thawed) ? [{ ...at, statistics: 'batch' }] : [],
    describe: (_, { depth, thawed }) =>
      `normalized by the statistics of the batch in ${topBlocks(depth, thawed)}`,
  },
  // It did not get better, and labels are few: drop the top blocks, freeze the rest again, and repeat.
  {
    to: (at, { lower, isPlenty }) => {
      const depth = at.thawed === 0 && !isPlenty ? lower(at.depth) : null
      return depth ? [{ ...at, depth, head: 'linear' }] : []
    },
    describe: ({ depth }, to) =>
      `dropped ${topBlocks(depth, depth.blocks.length - to.depth.blocks.length)}`,
  },
  // Labels are plenty: replace the top blocks by new ones, or add new ones.
  {
    to: (at, { lower, isPlenty }) => {
      const depth = isPlenty && at.added === 0 ? lower(at.depth) : null
      if (!depth) return []
      const dropped = at.depth.blocks.length - depth.blocks.length
      return [{ ...at, depth, head: 'linear', thawed: Math.max(at.thawed - dropped, 0), added: 1 }]
    },
    describe: ({ depth }, to) =>
      `replaced ${topBlocks(depth, depth.blocks.length - to.depth.blocks.length)} by a new one`,
  },
  {
    to: (at, { isPlenty }) =>
      isPlenty && at.depth.value && at.added < mostAdded
        ? [{ ...at, head: 'linear', added: at.added + 1 }]
        : [],
    describe: (_, { added }) => (added === 1 ? 'added a new block' : `added ${added} new blocks`),
  },
]
