import { GraftError } from '../errors.ts'
import type { Backbone } from './backbone.ts'
import type { HeadKind } from './probe.ts'
import { frozenUpTo, type Reuse } from './reuse.ts'
import type { Choices } from './search.ts'

/** How to reuse a network, as far as the user decides it; null leaves a choice to the search. */
export type ReuseChoices = {
  /** The value at which to cut it, or the block to end with, as `graft inspect` names them. */
  readonly reuse: string | null
  /** How many blocks to train on, from the top. */
  readonly thaw: number | 'all' | null
  readonly head: HeadKind | null
  readonly newBlocks: number | null
  readonly statistics: Reuse['statistics'] | null
  /** The learning rate of the output layer and of the uppermost thawed block; null to find it by a range test. */
  readonly thawRate: number | null
}

/** The choices of a configuration, those that it leaves out too, and nothing else of it. */
export function choicesIn({
  reuse = null,
  thaw = null,
  head = null,
  newBlocks = null,
  statistics = null,
  thawRate = null,
}: Partial<ReuseChoices>): ReuseChoices {
  return { reuse, thaw, head, newBlocks, statistics, thawRate }
}

export const noChoices = choicesIn({})

/** Whether any choice is made. */
export const areMade = (choices: ReuseChoices): boolean =>
  Object.values(choices).some((choice) => choice !== null)

/**
 * What is not for the search to choose, and where it begins.
 *
 * @throws GraftError `bad-usage` for a value at which the network cannot be cut, and for choices that exclude each other
 */
export function resolveChoices(
  { depths, scores }: Pick<Backbone, 'depths' | 'scores'>,
  { reuse, thaw, head, newBlocks, statistics }: ReuseChoices,
): { readonly fixed: Choices; readonly start: Reuse } {
  const all = scores ? [...depths, scores] : depths
  const depth = all.find(({ name, blocks }) => name === reuse || blocks.at(-1)?.name === reuse)
  if (reuse !== null && !depth) {
    const names = all.map(({ name }) => name).join(', ')
    throw new GraftError(
      'bad-usage',
      `the backbone cannot be reused up to "${reuse}": give one of ${names}`,
    )
  }
  if (head === 'selected' && (thaw || newBlocks)) {
    throw new GraftError(
      'bad-usage',
      'an output layer on features of all depths reads frozen ones only: leave out --thaw and --new-blocks, or --head',
    )
  }
  if (head === 'selected' && depth && depth !== depths.at(-1)) {
    throw new GraftError(
      'bad-usage',
      'an output layer on features of all depths reads them all: leave out --reuse, or --head',
    )
  }
  if (newBlocks && depth?.value === null) {
    throw new GraftError('bad-usage', `no new blocks can be put on the scores "${depth.name}"`)
  }
  const fixed: Choices = {
    ...(depth && { depth }),
    ...(thaw !== null && { thawed: thaw }),
    ...(head !== null && { head }),
    ...(newBlocks !== null && { added: newBlocks }),
    ...(statistics !== null && { statistics }),
  }
  const begin = frozenUpTo(depth ?? (depths.at(-1) as (typeof depths)[0]))
  const blocks = begin.depth.blocks.length
  if (typeof thaw === 'number' && thaw > blocks) {
    throw new GraftError(
      'bad-usage',
      `there are ${blocks} blocks up to "${begin.depth.name}", so ${thaw} cannot be thawed`,
    )
  }
  const start = { ...begin, ...fixed, thawed: thaw === 'all' ? blocks : (thaw ?? 0) }
  return { fixed, start }
}
