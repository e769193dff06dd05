import type { GraphBuilder } from '../../graph/builder.ts'
import { flipSpatial, reshape } from './axes.ts'
import { planePixels } from './pixels.ts'
import { isSmall, rowConv, rowInputGradient } from './row-convolution.ts'
import type { Lower } from './rule.ts'

/** The forward pass. */
export const conv: Lower<'graft.Conv'> = (builder, inputs, geometry) => {
  if (isSmall(geometry)) return [rowConv(builder, inputs, geometry, planePixels(builder))]
  const { dilations, group, kernel_shape, pads, strides } = geometry
  return [builder.op('Conv', inputs, { dilations, group, kernel_shape, pads, strides })]
}

/**
 * The gradient of a convolution with respect to its input: with stride 1 a convolution with the flipped, transposed kernel, which is
 * faster than ConvTranspose.
 */
export const convInputGradient: Lower<'graft.ConvInputGradient'> = (
  builder,
  [dy = '', w = ''],
  geometry,
) => {
  if (isSmall(geometry)) {
    return [rowInputGradient(builder, [dy, w], geometry, planePixels(builder))]
  }
  const { dims, dilations, group, kernel_shape, output_dims, pads, strides } = geometry
  const rank = kernel_shape.length
  const [channels, filters] = [dims[1] as number, output_dims[1] as number]
  const spatial = dims.slice(2)
  const extent = kernel_shape.map((size, axis) => (size - 1) * (dilations[axis] as number) + 1)
  const reach = extent.map((size, axis) => size - 1 - (pads[axis] as number))
  const rest = extent.map(
    (size, axis) =>
      (spatial[axis] as number) -
      (output_dims[axis + 2] as number) +
      size -
      1 -
      (reach[axis] as number),
  )
  if (strides.every((stride) => stride === 1) && [...reach, ...rest].every((pad) => pad >= 0)) {
    const kernel = flipSpatial(
      builder,
      swapChannels(builder, w, { channels, filters, group, kernel_shape }),
      kernel_shape,
    )
    return [
      builder.op('Conv', [dy, kernel], {
        kernel_shape,
        dilations,
        group,
        pads: [...reach, ...rest],
      }),
    ]
  }
  const full = strides.map(
    (stride, axis) => ((output_dims[axis + 2] as number) - 1) * stride + (extent[axis] as number),
  )
  const left = spatial.map(
    (size, axis) =>
      size - ((full[axis] as number) - (pads[axis] as number) - (pads[axis + rank] as number)),
  )
  return [
    builder.op('ConvTranspose', [dy, w], {
      kernel_shape,
      dilations,
      group,
      strides,
      pads,
      ...(left.some((count) => count > 0) && { output_padding: left }),
    }),
  ]
}

type Kernel = {
  readonly channels: number
  readonly filters: number
  readonly group: number
  readonly kernel_shape: readonly number[]
}

/** [filters, channels / group, ...] as [channels, filters / group, ...]. */
function swapChannels(
  builder: GraphBuilder,
  w: string,
  { channels, filters, group, kernel_shape }: Kernel,
) {
  const spatialAxes = kernel_shape.map((_, axis) => axis)
  if (group === 1) {
    return builder.op('Transpose', [w], { perm: [1, 0, ...spatialAxes.map((axis) => axis + 2)] })
  }
  if (group === channels && group === filters) return w
  const split = reshape(builder, w, [group, filters / group, channels / group, ...kernel_shape])
  const swapped = builder.op('Transpose', [split], {
    perm: [0, 2, 1, ...spatialAxes.map((axis) => axis + 3)],
  })
  return reshape(builder, swapped, [channels, filters / group, ...kernel_shape])
}
