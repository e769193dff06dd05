import { type BlockedRule, type Blocks, isImageType } from './blocks.ts'

/** Whether a value is an image whose channels fill whole blocks, so that its blocks follow those of another. */
const fillsBlocks = (blocks: Blocks, value: string) =>
  isImageType(blocks, value) && (blocks.typeOf(value)?.dims[1] as number) % blocks.size === 0

const isChannelAxis = (axis = 0) => axis === 1 || axis === -3

/** Channels after channels: blocks after blocks. */
export const blockedConcat: BlockedRule<'Concat'> = (
  blocks,
  inputs,
  { axis },
  { types: [type] },
) => {
  const suits = inputs.some(blocks.has) && inputs.every((input) => fillsBlocks(blocks, input))
  if (!type || !suits || !isChannelAxis(axis)) return null
  const joined = blocks.builder.op('Concat', inputs.map(blocks.of), { axis: 1 })
  return [blocks.plain(joined, type.dims)]
}

/** The same apart again. */
export const blockedSplit: BlockedRule<'Split'> = (blocks, [x = ''], { axis }, { types }) => {
  const { builder, size } = blocks
  const all = types.map((type) => type?.dims ?? [])
  const counts = all.map(([, channels = 0]) => channels)
  const suits = blocks.has(x) && counts.every((count) => count > 0 && count % size === 0)
  if (!suits || !isChannelAxis(axis)) return null
  const parts = [blocks.of(x), builder.int64s(counts)]
  const apart = builder.ops('Split', parts, { axis: 1 }, counts.length)
  return apart.map((part, index) => blocks.plain(part, all[index] as readonly number[]))
}
