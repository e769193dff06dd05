import { product, reshape } from './axes.ts'
import {
  type BlockedRule,
  type Blocks,
  convolve,
  isImage,
  isImageType,
  resizeKernel,
} from './blocks.ts'
import { mirrored } from './convolution-weights.ts'

type Kernel = {
  readonly filters: number
  readonly channels: number
  readonly spatial: readonly number[]
}

/**
 * A kernel [F, C, ...] as the operator takes it: [F / block, C / block, ..., block of C, block of F]. Two reorderings of images make it many times faster than
 * one transposition of six axes.
 */
export function kernelBlocks(
  blocks: Blocks,
  kernel: string,
  { filters, channels, spatial }: Kernel,
) {
  const { builder } = blocks
  const [rows, columns] = [blocks.padded(filters), blocks.padded(channels)]
  const filled = resizeKernel(builder, kernel, [filters, channels, ...spatial], [rows, columns])
  const images = reshape(builder, filled, [rows, columns, product(spatial), 1])
  const blocked = builder.op('com.microsoft.nchwc.ReorderInput', [images])
  return outerInside(blocks, blocked, [rows, columns, ...spatial])
}

/** The same of the kernel turned around, with channels and filters in each other's places: [C / block, F / block, ...]. */
function turnedKernelBlocks(
  blocks: Blocks,
  kernel: string,
  { filters, channels, spatial }: Kernel,
) {
  const { builder } = blocks
  const [rows, columns] = [blocks.padded(channels), blocks.padded(filters)]
  const taps = product(spatial)
  const filled = resizeKernel(builder, kernel, [filters, channels, ...spatial], [columns, rows])
  const matrix = reshape(builder, filled, [columns, rows * taps])
  const swapped = reshape(builder, builder.op('Transpose', [matrix], { perm: [1, 0] }), [
    rows,
    taps,
    columns,
  ])
  const backwards = builder.int64s(Array.from({ length: taps }, (_, tap) => taps - 1 - tap))
  const turned = taps === 1 ? swapped : builder.op('Gather', [swapped, backwards], { axis: 1 })
  const images = reshape(builder, turned, [rows, taps, 1, columns])
  const blocked = builder.op('com.microsoft.nchwc.ReorderInput', [images], { channels_last: 1 })
  return outerInside(blocks, blocked, [rows, columns, ...spatial])
}

/** The same where the image has fewer channels than a block, and stays as it is: [F / block, C, ..., block of F]. */
function plainImageKernel(blocks: Blocks, kernel: string, { filters, channels, spatial }: Kernel) {
  const rows = blocks.padded(filters)
  const filled = resizeKernel(
    blocks.builder,
    kernel,
    [filters, channels, ...spatial],
    [rows, channels],
  )
  return outerInside(blocks, filled, [rows, channels, ...spatial])
}

/** [F, ...] as [F / block, ..., block of F], under the dimensions it had. */
function outerInside({ builder, size }: Blocks, value: string, dims: readonly number[]): string {
  const [rows, ...inner] = dims as [number, ...number[]]
  const images = reshape(builder, value, [rows / size, size, product(inner), 1])
  return reshape(builder, builder.op('com.microsoft.nchwc.ReorderInput', [images]), dims)
}

/** An ordinary convolution with a kernel that changes from step to step. */
export const denseConv: BlockedRule<'graft.Conv'> = (
  blocks,
  [x = '', w = '', bias = ''],
  { dims, output_dims, kernel_shape, pads, strides, dilations, group },
) => {
  const [channels, filters] = [dims[1] as number, output_dims[1] as number]
  const isNarrow = channels < blocks.size && isImageType(blocks, x)
  if (group !== 1 || filters % 4 !== 0 || !(isNarrow || isImage(blocks, x))) return null
  const kernel = { filters, channels, spatial: kernel_shape }
  const inputs = isNarrow
    ? ([x, plainImageKernel(blocks, w, kernel), bias] as const)
    : ([blocks.of(x), kernelBlocks(blocks, w, kernel), bias] as const)
  return convolve(blocks, inputs, { kernel_shape, pads, strides, dilations }, output_dims)
}

/** The gradient with respect to the input at stride 1: the convolution with the flipped, transposed kernel. */
export const denseInputGradient: BlockedRule<'graft.ConvInputGradient'> = (
  blocks,
  [dy = '', w = ''],
  geometry,
) => {
  const { dims, output_dims, kernel_shape, strides, dilations, group } = geometry
  const [channels, filters] = [dims[1] as number, output_dims[1] as number]
  const isPlain = group === 1 && [...strides, ...dilations].every((count) => count === 1)
  if (!isPlain || channels % 4 !== 0 || !isImage(blocks, dy)) return null
  if (product(kernel_shape) === 1 && !blocks.has(dy)) return null
  const { pads } = mirrored(geometry)
  if (pads.some((pad) => pad < 0)) return null
  const turned = turnedKernelBlocks(blocks, w, { filters, channels, spatial: kernel_shape })
  return convolve(blocks, [blocks.of(dy), turned], { kernel_shape, pads }, dims)
}
