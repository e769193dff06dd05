import { flipSpatial, product, reshape } from './axes.ts'
import { type BlockedRule, type Blocks, fill, isImage, isImageType } from './blocks.ts'

/** The axes of a kernel: the one whose channels come out of the convolution, and the one whose channels go in. */
type Kernel = {
  readonly outer: number
  readonly inner: number
  readonly spatial: readonly number[]
}

/** A kernel as the operator takes it: [outer / block, inner / block, ..., block of inner, block of outer]. */
function kernelBlocks(
  blocks: Blocks,
  kernel: string,
  { outer, inner, spatial }: Kernel,
  outerAxis: 0 | 1 = 0,
): string {
  const { builder, size } = blocks
  const counts = [outer, inner].map(blocks.padded) as [number, number]
  const missing = [counts[0] - outer, counts[1] - inner]
  const [rows, columns] = counts.map((count) => [count / size, size])
  const [split, axes] =
    outerAxis === 0
      ? [[rows, columns], { outer: 0, inner: 2 }]
      : [[columns, rows], { outer: 2, inner: 0 }]
  if (outerAxis === 1) missing.reverse()
  const filled = fill(builder, kernel, [...missing, ...spatial.map(() => 0)])
  const apart = reshape(builder, filled, [...split.flat(), ...spatial] as number[])
  const perm = [
    axes.outer,
    axes.inner,
    ...spatial.map((_, axis) => axis + 4),
    axes.inner + 1,
    axes.outer + 1,
  ]
  return reshape(builder, builder.op('Transpose', [apart], { perm }), [...counts, ...spatial])
}

/** The same where the image has fewer channels than a block, and stays as it is: [outer / block, inner, ..., block of outer]. */
function plainImageKernel(
  blocks: Blocks,
  kernel: string,
  { outer, inner, spatial }: Kernel,
): string {
  const { builder, size } = blocks
  const rest = [inner, ...spatial]
  const rows = blocks.padded(outer)
  const filled = fill(builder, kernel, [rows - outer, ...rest.map(() => 0)])
  const split = reshape(builder, filled, [rows / size, size, ...rest])
  const perm = [0, ...rest.map((_, axis) => axis + 2), 1]
  return reshape(builder, builder.op('Transpose', [split], { perm }), [rows, ...rest])
}

/** An ordinary convolution with a kernel that changes from step to step. */
export const denseConv: BlockedRule<'graft.Conv'> = (
  blocks,
  [x = '', w = '', bias = ''],
  { dims, output_dims, kernel_shape, pads, strides, dilations, group },
) => {
  const { builder } = blocks
  const [channels, filters] = [dims[1] as number, output_dims[1] as number]
  const isNarrow = channels < blocks.size && isImageType(blocks, x)
  if (group !== 1 || filters % 4 !== 0 || !(isNarrow || isImage(blocks, x))) return null
  const kernel = { outer: filters, inner: channels, spatial: kernel_shape }
  const inputs = isNarrow
    ? [x, plainImageKernel(blocks, w, kernel)]
    : [blocks.of(x), kernelBlocks(blocks, w, kernel)]
  if (bias !== '') inputs.push(fill(builder, bias, [blocks.padded(filters) - filters]))
  const attributes = { kernel_shape, pads, strides, dilations }
  return [blocks.plain(builder.op('com.microsoft.nchwc.Conv', inputs, attributes), output_dims)]
}

/** The gradient with respect to the input at stride 1: the convolution with the flipped, transposed kernel. */
export const denseInputGradient: BlockedRule<'graft.ConvInputGradient'> = (
  blocks,
  [dy = '', w = ''],
  { dims, output_dims, kernel_shape, pads, strides, dilations, group },
) => {
  const { builder } = blocks
  const [channels, filters] = [dims[1] as number, output_dims[1] as number]
  const isPlain = group === 1 && [...strides, ...dilations].every((count) => count === 1)
  if (!isPlain || channels % 4 !== 0 || !isImage(blocks, dy)) return null
  if (product(kernel_shape) === 1 && !blocks.has(dy)) return null
  const before = kernel_shape.map((size, axis) => size - 1 - (pads[axis] as number))
  const after = kernel_shape.map(
    (size, axis) =>
      (dims[axis + 2] as number) -
      (output_dims[axis + 2] as number) +
      size -
      1 -
      (before[axis] as number),
  )
  if ([...before, ...after].some((pad) => pad < 0)) return null
  const kernel = { outer: channels, inner: filters, spatial: kernel_shape }
  const turned = kernelBlocks(blocks, flipSpatial(builder, w, kernel_shape), kernel, 1)
  const result = builder.op('com.microsoft.nchwc.Conv', [blocks.of(dy), turned], {
    kernel_shape,
    pads: [...before, ...after],
  })
  return [blocks.plain(result, dims)]
}
