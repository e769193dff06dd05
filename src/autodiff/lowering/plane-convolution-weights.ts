import type { GraphBuilder } from '../../graph/builder.ts'
import { product, reshape, sumRows } from './axes.ts'
import { type BlockedRule, type Blocks, fill, isImage, resizeKernel } from './blocks.ts'
import type { Geometry } from './convolution-weights.ts'

/** On smaller maps the many results cost more than their products; patches as rows are faster there. */
const fewestPixels = 26

/** Up to this many pixels, the results of one image would cost about as much as their products. */
const fewPixels = 64

/** How much longer the batch may become by images of zeros. */
const mostFilling = 1.25

/**
 * The gradient of a kernel as a convolution with dy for its kernel, on blocks as they are. A block of channels of an image is a plane in which the channels of a
 * pixel lie side by side: under a kernel dilated by the block, each step to the side is the next channel, and each step by a block the next tap. (Where x has
 * few channels, each is a plane of its own.) And dy in blocks is stored as the kernels of a convolution with one input channel are. So every image is a group
 * of one such channel, or an input channel of a group of several images, whose gradients the operator then adds up by itself.
 */
export const planeWeightGradient: BlockedRule<'graft.ConvWeightGradient'> = (
  blocks,
  [x = '', dy = ''],
  geometry,
) => {
  const { builder, size: block } = blocks
  const { dims, output_dims, kernel_shape, strides, pads } = geometry
  const [batch, channels] = dims as [number, number]
  const [, filters, ...outputs] = output_dims as [number, number, ...number[]]
  const images = imagesOf(batch, block)
  const isNarrow = channels < 4
  if (!isPlain(geometry) || !isImage(blocks, dy)) return null
  if (!isNarrow && !isImage(blocks, x)) return null
  if (!isWorthwhile(geometry, images)) return null

  const [height, width] = kernel_shape as [number, number]
  const beside = isNarrow ? 1 : block
  const parts = Math.ceil(channels / beside)
  const allFilters = blocks.padded(filters)
  const planes = planesOf(builder, isNarrow ? x : blocks.of(x), {
    geometry,
    beside,
    parts,
    images,
  })
  const together = imagesTogether(geometry, { images, block })
  const groups = images / together
  const cotangents = gradientKernel(builder, blocks.of(dy), {
    dims: [batch, allFilters / block, product(outputs) * block],
    images,
    together,
  })
  const shaped = reshape(builder, cotangents, [groups * allFilters, together, ...outputs])
  const gradients = planes.map(({ value, lines }) => {
    const each = builder.op('com.microsoft.nchwc.Conv', [value, shaped], {
      kernel_shape: outputs,
      dilations: [strides[0] as number, (strides[1] as number) * beside],
      strides: [lines, 1],
      pads: pads.map(() => 0),
      group: groups,
    })
    return sumRows(builder, reshape(builder, each, [groups, -1]), groups)
  })
  const [first = ''] = gradients
  const joined = gradients.length === 1 ? first : builder.op('Concat', gradients, { axis: 0 })
  const wide = (parts / planes.length) * height * width * beside
  // Two reorderings of images make it many times faster than one transposition of seven axes.
  const byFilter = builder.op(
    'com.microsoft.nchwc.ReorderOutput',
    [reshape(builder, joined, [planes.length, allFilters, wide, 1])],
    { channels: filters },
  )
  const byChannel = channelsFirst(builder, byFilter, { beside, taps: height * width })
  const apart = reshape(builder, byChannel, [planes.length, filters, wide])
  const whole = planes.length === 1 ? apart : builder.op('Transpose', [apart], { perm: [1, 0, 2] })
  const shape = [filters, parts * beside, height, width] as const
  const kernel = reshape(builder, whole, shape)
  return [resizeKernel(builder, kernel, shape, [filters, channels])]
}

/**
 * The gradient that the channels of each block would have as a kernel for the filters of the same block alone, [blocks, block of filters, block of channels, ...]; null where
 * `planeWeightGradient` would not be written either.
 */
export function blockPlaneGradient(
  blocks: Blocks,
  [x = '', dy = '']: readonly string[],
  geometry: Geometry,
): string | null {
  const { builder, size: block } = blocks
  const { dims, output_dims, kernel_shape, strides, dilations } = geometry
  const [batch, channels] = dims as [number, number]
  const outputs = output_dims.slice(2)
  const images = imagesOf(batch, block)
  if (product(dilations) !== 1 || !isImage(blocks, x) || !isImage(blocks, dy)) return null
  if (!isWorthwhile(geometry, images)) return null
  const parts = blocks.padded(channels) / block
  const inputs = parts * images
  if (inputs > block && inputs % block !== 0) return null
  const seen = seenSides(geometry)
  const whole = cutToSeen(builder, blocks.of(x), { geometry, beside: block, parts, images })
  const apart = reshape(builder, whole, [images, parts, product(seen) * block])
  const planes = builder.op('Transpose', [apart], { perm: [1, 0, 2] })
  const together = images < block ? images : block / 2
  const groups = images / together
  const each = product(outputs) * block
  const lines = reshape(builder, blocks.of(dy), [batch, parts, each])
  const filled = fill(builder, lines, [images - batch, 0, 0])
  const kernel = builder.op('Transpose', [filled], { perm: [1, 0, 2] })
  const gradient = builder.op(
    'com.microsoft.nchwc.Conv',
    [
      reshape(builder, planes, [1, inputs, seen[0], seen[1] * block]),
      reshape(builder, kernel, [parts * groups * block, together, ...outputs]),
    ],
    {
      kernel_shape: outputs,
      dilations: [strides[0] as number, (strides[1] as number) * block],
      pads: [0, 0, 0, 0],
      group: parts * groups,
    },
  )
  const taps = product(kernel_shape)
  const wide = taps * block
  const products = reshape(builder, gradient, [parts, groups, wide * block])
  const sum = builder.op('ReduceSum', [products, builder.int64s([1])], { keepdims: 0 })
  const byFilter = builder.op(
    'com.microsoft.nchwc.ReorderOutput',
    [reshape(builder, sum, [parts, block, wide, 1])],
    { channels: block },
  )
  return channelsFirst(builder, byFilter, { beside: block, taps })
}

/** [..., taps, channels beside each other] with the channels before the taps. */
function channelsFirst(
  builder: GraphBuilder,
  value: string,
  { beside, taps }: { readonly beside: number; readonly taps: number },
): string {
  if (beside === 1 || taps === 1) return value
  const images = reshape(builder, value, [-1, beside, taps, 1])
  return builder.op('com.microsoft.nchwc.ReorderOutput', [images], { channels: beside })
}

/** The images of a batch with those of zeros that fill up the last block. */
const imagesOf = (batch: number, block: number) =>
  batch < block ? batch : Math.ceil(batch / block) * block

const isWorthwhile = ({ dims, output_dims }: Geometry, images: number) =>
  product(output_dims.slice(2)) >= fewestPixels && images <= mostFilling * (dims[0] as number)

const isPlain = ({ kernel_shape, group, dilations }: Geometry) =>
  group === 1 && kernel_shape.length === 2 && product(dilations) === 1

type Cut = {
  readonly geometry: Geometry
  readonly beside: number
  readonly parts: number
  readonly images: number
}

/** How many rows and columns the kernel gets to see, with padding. */
const seenSides = ({ output_dims, kernel_shape, strides }: Geometry) =>
  [0, 1].map(
    (axis) =>
      ((output_dims[axis + 2] as number) - 1) * (strides[axis] as number) +
      (kernel_shape[axis] as number),
  ) as [number, number]

/** x as [images, parts, height, width * beside] with exactly the rows and columns that the kernel gets to see; without some parts before and after. */
function cutToSeen(
  builder: GraphBuilder,
  x: string,
  { geometry, beside, parts, images }: Cut,
  [before, after]: readonly [number, number] = [0, 0],
): string {
  const { dims, pads } = geometry
  const [batch, , height, width] = dims as [number, number, number, number]
  const seen = seenSides(geometry)
  const [top, left] = pads as [number, number]
  const apart = reshape(builder, x, [batch, parts, height, width * beside])
  const counts = [
    [0, -before, top, left * beside],
    [images - batch, -after, seen[0] - height - top, (seen[1] - width - left) * beside],
  ].flat()
  return counts.every((count) => count === 0)
    ? apart
    : builder.op('Pad', [apart, builder.int64s(counts)])
}

/**
 * The same as planes of [1, images, height, width * beside]. A kernel of one row takes the blocks of all
 * channels one below the other, `lines` apart; for others the channels beside each other are a plane of their own.
 */
function planesOf(
  builder: GraphBuilder,
  x: string,
  own: Cut,
): readonly { readonly value: string; readonly lines: number }[] {
  const { geometry, beside, parts, images } = own
  const seen = seenSides(geometry)
  const plane = (value: string, count: number) =>
    reshape(builder, value, [1, images, count * seen[0], seen[1] * beside])
  if (geometry.kernel_shape[0] === 1) {
    return [{ value: plane(cutToSeen(builder, x, own), parts), lines: seen[0] }]
  }
  return Array.from({ length: parts }, (_, part) => ({
    value: plane(cutToSeen(builder, x, own, [part, parts - 1 - part]), 1),
    lines: 1,
  }))
}

/**
 * How many images are the input channels of one group, fewer than a block. One where the results are few anyway and dy need not be put in another order.
 */
function imagesTogether(
  { output_dims, kernel_shape }: Geometry,
  { images, block }: { readonly images: number; readonly block: number },
): number {
  const [, filters, ...outputs] = output_dims as [number, ...number[]]
  const isAsItIs = (filters as number) <= block
  if (!isAsItIs && product(kernel_shape) === 1 && product(outputs) > fewPixels) return 1
  return images < block ? images : block / 2
}

/** dy in blocks, [images, parts, ...], as kernels [groups, parts, together, ...]. */
function gradientKernel(
  builder: GraphBuilder,
  dy: string,
  {
    dims: [batch, parts, each],
    images,
    together,
  }: {
    readonly dims: readonly [number, number, number]
    readonly images: number
    readonly together: number
  },
): string {
  const lines = reshape(builder, dy, [batch, parts, each])
  const filled = fill(builder, lines, [images - batch, 0, 0])
  if (together === 1 || parts === 1) return filled
  const grouped = reshape(builder, filled, [images / together, together, parts, each])
  return builder.op('Transpose', [grouped], { perm: [0, 2, 1, 3] })
}
