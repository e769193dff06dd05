import type { GraphBuilder } from '../../graph/builder.ts'
import { float32 } from '../../graph/tensor.ts'
import { flipSpatial, product, reshape } from './axes.ts'
import { type BlockedRule, type Blocks, convolve, isImage, resizeKernel } from './blocks.ts'
import type { Geometry } from './convolution-weights.ts'
import { kernelBlocks } from './dense.ts'
import { blockPlaneGradient } from './plane-convolution-weights.ts'
import { spreadGradient } from './spread-gradient.ts'

/**
 * Groups of equally many channels and filters that fill a block, alone or several of them, or several blocks: the operator on blocks takes no others. Where
 * several share a block, they become one group whose kernel is zero between them, which is more products and many times faster than the operator on planes.
 */
function groupsOf({ size, padded }: Blocks, geometry: Geometry) {
  const { dims, output_dims, group, kernel_shape } = geometry
  const channels = dims[1] as number
  const each = channels / group
  const suits = each > 1 && (size % each === 0 || each % size === 0)
  if (group === 1 || !suits || channels !== output_dims[1] || kernel_shape.length !== 2) return null
  const wide = Math.max(each, size)
  return { channels, each, wide, all: padded(channels), groups: padded(channels) / wide }
}

type Groups = NonNullable<ReturnType<typeof groupsOf>>

/** 1 where a filter and a channel of a block are of the same group. */
const sameGroup = (builder: GraphBuilder, { each, wide }: Groups, dims: readonly number[]) =>
  builder.constant(
    float32(
      dims,
      Array.from({ length: wide * (wide / each) }, (_, i) => {
        const [filter, other] = [Math.floor(i / (wide / each)), i % (wide / each)]
        return Math.floor(filter / each) === other ? 1 : 0
      }),
    ),
  )

/** A kernel [C, C / group, ...] as the operator takes it. */
function groupedKernel(
  blocks: Blocks,
  w: string,
  groups: Groups,
  spatial: readonly number[],
): string {
  const { builder } = blocks
  const { channels, each, wide, all } = groups
  const taps = product(spatial)
  const filled = resizeKernel(builder, w, [channels, each, ...spatial], [all, each])
  if (each === wide) return kernelBlocks(blocks, filled, { filters: all, channels: wide, spatial })
  const rows = reshape(builder, filled, [all / wide, wide, 1, each * taps])
  const spread = builder.op('Mul', [rows, sameGroup(builder, groups, [1, wide, wide / each, 1])])
  const whole = reshape(builder, spread, [all, wide, ...spatial])
  return kernelBlocks(blocks, whole, { filters: all, channels: wide, spatial })
}

/** A convolution in groups with a kernel that changes from step to step. */
export const groupedConv: BlockedRule<'graft.Conv'> = (
  blocks,
  [x = '', w = '', bias = ''],
  geometry,
) => {
  const groups = groupsOf(blocks, geometry)
  if (!groups || !isImage(blocks, x)) return null
  const { output_dims, kernel_shape, pads, strides, dilations } = geometry
  const kernel = groupedKernel(blocks, w, groups, kernel_shape)
  const attributes = { kernel_shape, pads, strides, dilations, group: groups.groups }
  return convolve(blocks, [blocks.of(x), kernel, bias], attributes, output_dims)
}

/** The gradient with respect to the input: the convolution with the kernel of each group flipped and transposed. */
export const groupedInputGradient: BlockedRule<'graft.ConvInputGradient'> = (
  blocks,
  [dy = '', w = ''],
  geometry,
) => {
  const groups = groupsOf(blocks, geometry)
  if (!groups || !isImage(blocks, dy)) return null
  const { builder } = blocks
  const { dims, kernel_shape, dilations, group } = geometry
  const seen = spreadGradient(blocks, dy, geometry)
  if (!seen) return null
  const { channels, each } = groups
  const apart = reshape(builder, w, [group, each, each, product(kernel_shape)])
  const swapped = builder.op('Transpose', [apart], { perm: [0, 2, 1, 3] })
  const shaped = reshape(builder, swapped, [channels, each, ...kernel_shape])
  const kernel = flipSpatial(builder, shaped, kernel_shape)
  const own = groupedKernel(blocks, kernel, groups, kernel_shape)
  const attributes = { kernel_shape, pads: seen.pads, dilations, group: groups.groups }
  return convolve(blocks, [seen.spread, own], attributes, dims)
}

/** The gradient of the kernel, where groups are not wider than a block: that of every block, of which the groups are kept. */
export const groupedWeightGradient: BlockedRule<'graft.ConvWeightGradient'> = (
  blocks,
  inputs,
  geometry,
) => {
  const groups = groupsOf(blocks, geometry)
  if (!groups || groups.wide !== blocks.size) return null
  const gradient = blockPlaneGradient(blocks, inputs, geometry)
  if (gradient === null) return null
  const { builder } = blocks
  const { channels, each, wide, all } = groups
  const { kernel_shape } = geometry
  const taps = product(kernel_shape)
  const apart = reshape(builder, gradient, [all / wide, wide, wide / each, each * taps])
  const kept = builder.op('Mul', [apart, sameGroup(builder, groups, [1, wide, wide / each, 1])])
  const sum = builder.op('ReduceSum', [kept, builder.int64s([2])], { keepdims: 0 })
  const whole = reshape(builder, sum, [all, each, ...kernel_shape])
  return [resizeKernel(builder, whole, [all, each, ...kernel_shape], [channels, each])]
}
