import type { GraphBuilder } from '../../graph/builder.ts'
import { float32, sizeOf } from '../../graph/tensor.ts'
import { positionsUnder } from '../geometry.ts'
import { padSpatial, product, reshape } from './axes.ts'
import type { Lower } from './rule.ts'

export type Window = {
  readonly dims: readonly number[]
  readonly output_dims: readonly number[]
  readonly kernel_shape: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly pads: readonly number[]
}

/** Whether the windows lie side by side and inside the input, which may go on behind them. */
export const tilesPart = ({ dims, output_dims, kernel_shape, strides, pads, dilations }: Window) =>
  pads.slice(0, kernel_shape.length).every((pad) => pad === 0) &&
  dilations.every((dilation) => dilation === 1) &&
  kernel_shape.every(
    (size, axis) =>
      size === strides[axis] &&
      (output_dims[axis + 2] as number) * size <= (dims[axis + 2] as number),
  )

/** Whether the windows lie side by side and cover the input exactly. */
const tiles = (window: Window) =>
  tilesPart(window) &&
  window.kernel_shape.every(
    (size, axis) => (window.output_dims[axis + 2] as number) * size === window.dims[axis + 2],
  )

/** Repeats every pixel over its window, axis by axis from the last: joining copies beats Expand, and Resize but where it doubles. */
function repeat(
  builder: GraphBuilder,
  value: string,
  { output_dims, kernel_shape }: Window,
): string {
  if (kernel_shape.length === 2 && kernel_shape.every((size) => size === 2)) {
    const scales = builder.constant(float32([4], [1, 1, ...kernel_shape]))
    return builder.op('Resize', [value, undefined, scales], {
      mode: 'nearest',
      coordinate_transformation_mode: 'asymmetric',
      nearest_mode: 'floor',
    })
  }
  let repeated = value
  const dims = [...output_dims]
  for (let axis = kernel_shape.length - 1; axis >= 0; axis--) {
    const count = kernel_shape[axis] as number
    if (count === 1) continue
    const own = axis + 2
    const inner = product(dims.slice(own + 1))
    const outer = product(dims.slice(0, own + 1))
    const rows = reshape(builder, repeated, [outer, inner])
    const joined = builder.op('Concat', Array(count).fill(rows), { axis: 1 })
    dims[own] = (dims[own] as number) * count
    repeated = reshape(builder, joined, dims)
  }
  return repeated
}

/** Where windows tile, an input that equals its window's maximum gets its share; equal ones share equally. */
const tiledMaxPoolGradient: Lower<'graft.MaxPoolGradient'> = (
  builder,
  [x = '', y = '', dy = ''],
  window,
) => {
  const equal = builder.op('Equal', [x, repeat(builder, y, window)])
  const attains = builder.op('Cast', [equal], { to: 1 })
  const mean = builder.op('AveragePool', [attains], {
    kernel_shape: window.kernel_shape,
    strides: window.strides,
  })
  const share = builder.op('Div', [
    builder.op('Mul', [dy, builder.scalar(1 / product(window.kernel_shape))]),
    mean,
  ])
  return [builder.op('Mul', [attains, repeat(builder, share, window)])]
}

/** Elsewhere the operator's own indices say where each maximum came from. */
const indexedMaxPoolGradient: Lower<'graft.MaxPoolGradient'> = (
  builder,
  [x = '', , dy = ''],
  window,
  element,
) => {
  const { dims, output_dims, kernel_shape, strides, dilations, pads } = window
  const rank = kernel_shape.length
  // The ends of the pads decide the number of outputs, whatever ceil_mode was.
  const after = kernel_shape.map(
    (size, axis) =>
      ((output_dims[axis + 2] as number) - 1) * (strides[axis] as number) +
      (size - 1) * (dilations[axis] as number) +
      1 -
      (dims[axis + 2] as number) -
      (pads[axis] as number),
  )
  const fitted = [...pads.slice(0, rank), ...after.map((pad) => Math.max(pad, 0))]
  // ONNX Runtime wants pads below the size of the kernel, which a dilated window can reach beyond in ceil_mode alone.
  const beyond = after.some((pad, axis) => pad >= (kernel_shape[axis] as number))
  const ends = beyond ? { pads, ceil_mode: 1 } : { pads: fitted }
  const own = { kernel_shape, strides, dilations, ...ends }
  const [, indices] = builder.ops('MaxPool', [x], own, 2)
  const size = sizeOf(dims)
  const zeros = builder.op('Expand', [builder.scalar(0, element), builder.int64s([size])])
  const flat = (value: string) => reshape(builder, value, [sizeOf(output_dims)])
  const sum = builder.op('ScatterElements', [zeros, flat(indices as string), flat(dy)], {
    axis: 0,
    reduction: 'add',
  })
  return [reshape(builder, sum, dims)]
}

export const maxPoolGradient: Lower<'graft.MaxPoolGradient'> = (builder, inputs, window, element) =>
  // ONNX Runtime has no AveragePool or Resize of double precision.
  (tiles(window) && element === 'float32' ? tiledMaxPoolGradient : indexedMaxPoolGradient)(
    builder,
    inputs,
    window,
    element,
  )

/** Each output spreads its cotangent evenly over the inputs that it averaged. */
export const averagePoolGradient: Lower<'graft.AveragePoolGradient'> = (
  builder,
  [dy = ''],
  window,
) => {
  const { dims, output_dims, kernel_shape, strides, dilations, pads, count_include_pad } = window
  const rank = kernel_shape.length
  if (tiles(window)) {
    const share = builder.op('Mul', [dy, builder.scalar(1 / product(kernel_shape))])
    return [repeat(builder, share, window)]
  }
  const weights = builder.constant(
    float32([1, 1, ...output_dims.slice(2)], windowShares(window, count_include_pad)),
  )
  const channels = output_dims[1] as number
  const ones = builder.constant(
    float32(
      [channels, 1, ...kernel_shape],
      new Float32Array(channels * product(kernel_shape)).fill(1),
    ),
  )
  const spread = builder.op('ConvTranspose', [builder.op('Mul', [dy, weights]), ones], {
    kernel_shape,
    strides,
    dilations,
    group: channels,
  })
  const before = pads.slice(0, rank).map((pad) => -pad)
  const after = kernel_shape.map((size, axis) => {
    const full =
      ((output_dims[axis + 2] as number) - 1) * (strides[axis] as number) +
      (size - 1) * (dilations[axis] as number) +
      1
    return (dims[axis + 2] as number) - (full + (before[axis] as number))
  })
  return [padSpatial(builder, spread, before, after)]
}

/** One over the number of cells that each output averages; cells past the padding, which ceil_mode can reach, never count. */
function windowShares(window: Window, countPads: number): Float32Array {
  const { dims, output_dims, kernel_shape, pads } = window
  const rank = kernel_shape.length
  const counts = kernel_shape.map((_, axis) => {
    const length = dims[axis + 2] as number
    const [low, high] = countPads
      ? [-(pads[axis] as number), length + (pads[axis + rank] as number)]
      : [0, length]
    return positionsUnder(window, axis, output_dims[axis + 2] as number).map(
      (seen) => seen.filter((at) => at >= low && at < high).length,
    )
  })
  const shares = counts.reduce<number[]>(
    (all, own) => all.flatMap((total) => own.map((count) => total * count)),
    [1],
  )
  return Float32Array.from(shares, (count) => 1 / count)
}
