import { product, reshape } from './axes.ts'
import { type BlockedRule, type Blocks, fill, isImage } from './blocks.ts'
import { type Geometry, gradientConvolution } from './convolution-weights.ts'

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
  const { builder, padded } = blocks
  const { dims, output_dims, kernel_shape, pads, strides } = geometry
  const channels = dims[1] as number
  if (!isDepthwise(geometry) || !isImage(blocks, x)) return null
  const all = padded(channels)
  const inputs = [blocks.of(x), kernelBlocks(blocks, w, channels, kernel_shape)]
  if (bias !== '') inputs.push(fill(builder, bias, [all - channels]))
  const result = builder.op('com.microsoft.nchwc.Conv', inputs, {
    kernel_shape,
    pads,
    strides,
    group: all,
  })
  return [blocks.plain(result, output_dims)]
}

/** Which taps of a kernel reach the input pixels of one residue modulo the stride, along one axis. */
type Phase = {
  readonly taps: readonly number[]
  /** Padding of dy so that its convolution with these taps has one result for each such pixel. */
  readonly before: number
  readonly after: number
}

function phaseOf(
  residue: number,
  {
    size,
    output,
    kernel,
    stride,
    pad,
  }: Readonly<Record<'size' | 'output' | 'kernel' | 'stride' | 'pad', number>>,
): Phase | null {
  const reaching = Array.from({ length: kernel }, (_, tap) => tap)
    .filter((tap) => (residue + pad - tap) % stride === 0)
    .map((tap) => ({ tap, offset: (residue + pad - tap) / stride }))
    .sort((a, b) => a.offset - b.offset)
  const [first] = reaching
  const last = reaching.at(-1)
  if (!first || !last) return null
  const before = -first.offset
  const after = size / stride - 1 + last.offset - (output - 1)
  return before < 0 || after < 0 ? null : { taps: reaching.map(({ tap }) => tap), before, after }
}

/**
 * The gradient with respect to the input. With stride 1 it is a convolution with the flipped kernel; with a larger stride the input pixels
 * of each residue get a small convolution of their own, and the results are interleaved.
 */
export const depthwiseInputGradient: BlockedRule<'graft.ConvInputGradient'> = (
  blocks,
  [dy = '', w = ''],
  geometry,
) => {
  const { builder, padded, size: block } = blocks
  const { dims, output_dims, kernel_shape, pads, strides } = geometry
  const [batch, channels, ...spatial] = dims as [number, number, number, number]
  const divides = spatial.every((size, axis) => size % (strides[axis] as number) === 0)
  if (!isDepthwise(geometry) || !isImage(blocks, dy) || !divides) return null

  const all = padded(channels)
  const phases = spatial.map((size, axis) =>
    Array.from({ length: strides[axis] as number }, (_, residue) =>
      phaseOf(residue, {
        size,
        output: output_dims[axis + 2] as number,
        kernel: kernel_shape[axis] as number,
        stride: strides[axis] as number,
        pad: pads[axis] as number,
      }),
    ),
  )
  if (phases.flat().includes(null)) return null
  const [rows, columns] = phases as [Phase[], Phase[]]
  const apart = reshape(builder, kernelBlocks(blocks, w, channels, kernel_shape), [
    all / block,
    product(kernel_shape),
    block,
  ])
  const convolve = (row: Phase, column: Phase) => {
    const width = kernel_shape[1] as number
    const taps = row.taps.flatMap((y) => column.taps.map((x) => y * width + x))
    const size = [row.taps.length, column.taps.length]
    const kernel = builder.op('Gather', [apart, builder.int64s(taps)], { axis: 1 })
    return builder.op(
      'com.microsoft.nchwc.Conv',
      [blocks.of(dy), reshape(builder, kernel, [all, 1, ...size])],
      {
        kernel_shape: size,
        pads: [row.before, column.before, row.after, column.after],
        group: all,
      },
    )
  }
  const [height, width] = spatial as [number, number]
  const lines = (batch * all * height) / (block * rows.length)
  const joined = rows.map((row) => {
    const parts = columns.map((column) =>
      reshape(builder, convolve(row, column), [(lines * width) / columns.length, block]),
    )
    const line =
      parts.length === 1 ? (parts[0] as string) : builder.op('Concat', parts, { axis: 1 })
    return reshape(builder, line, [lines, width * block])
  })
  const whole =
    joined.length === 1 ? (joined[0] as string) : builder.op('Concat', joined, { axis: 1 })
  return [blocks.plain(reshape(builder, whole, [batch, all, height, width]), dims)]
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
  const sum = builder.op('ReduceSum', [images, builder.int64s([0])], { keepdims: 0 })
  const blocked = reshape(builder, sum, [1, all, ...kernel_shape])
  const plain = builder.op('com.microsoft.nchwc.ReorderOutput', [blocked], { channels })
  return [reshape(builder, plain, [channels, 1, ...kernel_shape])]
}
