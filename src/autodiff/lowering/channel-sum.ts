import { product, reshape } from './axes.ts'
import type { BlockedRule } from './blocks.ts'
import type { Lower } from './rule.ts'

/** The sum over the batch and the spatial axes, [C]. */
export const channelSum: Lower<'graft.ChannelSum'> = (builder, [value = ''], { dims }) => {
  const axes = dims.flatMap((_, axis) => (axis === 1 ? [] : [axis]))
  return [builder.op('ReduceSum', [value, builder.int64s(axes)], { keepdims: 0 })]
}

export const blockedChannelSum: BlockedRule<'graft.ChannelSum'> = (
  blocks,
  [value = ''],
  { dims },
) => {
  const { builder, size } = blocks
  const [batch, channels, ...spatial] = dims as [number, number, ...number[]]
  // Channels that fill up the last block would have to be cut off again.
  if (!blocks.has(value) || channels % size !== 0) return null
  const rows = reshape(builder, blocks.of(value), [
    (batch * channels) / size,
    product(spatial),
    size,
  ])
  const images = builder.op('ReduceSum', [rows, builder.int64s([1])], { keepdims: 0 })
  const sums = reshape(builder, images, [batch, channels])
  return [builder.op('ReduceSum', [sums, builder.int64s([0])], { keepdims: 0 })]
}
