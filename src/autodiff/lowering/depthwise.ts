import { product, reshape, sumRows } from './axes.ts'
import { type BlockedRule, type Blocks, convolve, isImage } from './blocks.ts'
import { type Geometry, gradientConvolution } from './convolution-weights.ts'
import { spreadGradient } from './spread-gradient.ts'

/** Whether every channel is a group of its own, in two dimensions and without dilation. */
function isDepthwise({ dims, output_dims, group, dilations }: Geometry): boolean {
  const channels = dims[1]
  return (
    group === channels &&
    group === output_dims[1] &&
    group > 1 &&
    dims.length === 4 &&
    dilations.every((dilation) => dilation === 1)
  )
}

/** A depthwise kernel [C, 1, ...] as the operator takes it, which is how an image of C channels is blocked. */
function kernelBlocks(
  { builder, padded }: Blocks,
  w: string,
  channels: number,
  size: readonly number[],
): string {
  const image = reshape(builder, w, [1, channels, ...size])
  const blocked = builder.op('com.microsoft.nchwc.ReorderInput', [image])
  return reshape(builder, blocked, [padded(channels), 1, ...size])
}

/** A depthwise convolution with a kernel that changes from step to step. */
export const depthwiseConv: BlockedRule<'graft.Conv'> = (
  blocks,
  [x = '', w = '', bias = ''],
  geometry,
) => {
  const { dims, output_dims, kernel_shape, pads, strides } = geometry
  const channels = dims[1] as number
  if (!isDepthwise(geometry) || !isImage(blocks, x)) return null
  const kernel = kernelBlocks(blocks, w, channels, kernel_shape)
  const attributes = { kernel_shape, pads, strides, group: blocks.padded(channels) }
  return convolve(blocks, [blocks.of(x), kernel, bias], attributes, output_dims)
}

/** The gradient with respect to the input: a convolution of dy with the flipped kernel. */
export const depthwiseInputGradient: BlockedRule<'graft.ConvInputGradient'> = (
  blocks,
  [dy = '', w = ''],
  geometry,
) => {
  const { builder, padded, size: block } = blocks
  const { dims, kernel_shape } = geometry
  const channels = dims[1] as number
  if (!isDepthwise(geometry) || !isImage(blocks, dy)) return null
  const seen = spreadGradient(blocks, dy, geometry)
  if (!seen) return null
  const all = padded(channels)
  const taps = product(kernel_shape)
  const backwards = Array.from({ length: taps }, (_, tap) => taps - 1 - tap)
  const kernel = builder.op(
    'Gather',
    [
      reshape(builder, kernelBlocks(blocks, w, channels, kernel_shape), [all / block, taps, block]),
      builder.int64s(backwards),
    ],
    { axis: 1 },
  )
  const flipped = reshape(builder, kernel, [all, 1, ...kernel_shape])
  const attributes = { kernel_shape, pads: seen.pads, group: all }
  return convolve(blocks, [seen.spread, flipped], attributes, dims)
}

/**
 * Every channel of every image is a group of its own: the images of a batch are blocks of one image, and dy in blocks is just what the
 * operator takes as kernel.
 */
export const depthwiseWeightGradient: BlockedRule<'graft.ConvWeightGradient'> = (
  blocks,
  [x = '', dy = ''],
  geometry,
) => {
  const { builder } = blocks
  const { dims, output_dims, kernel_shape } = geometry
  const [batch, channels, ...spatial] = dims as [number, number, number, number]
  const { attributes, excess } = gradientConvolution(geometry)
  if (!isDepthwise(geometry) || !isImage(blocks, x) || !isImage(blocks, dy)) return null
  if (excess.some((count) => count > 0)) return null
  const all = blocks.padded(channels)
  const image = reshape(builder, blocks.of(x), [1, batch * all, ...spatial])
  const kernel = reshape(builder, blocks.of(dy), [batch * all, 1, ...output_dims.slice(2)])
  const gradient = builder.op('com.microsoft.nchwc.Conv', [image, kernel], {
    ...attributes,
    group: batch * all,
  })
  const images = reshape(builder, gradient, [batch, all * product(kernel_shape)])
  const sum = sumRows(builder, images, batch)
  const blocked = reshape(builder, sum, [1, all, ...kernel_shape])
  const plain = builder.op('com.microsoft.nchwc.ReorderOutput', [blocked], { channels })
  return [reshape(builder, plain, [channels, 1, ...kernel_shape])]
}
