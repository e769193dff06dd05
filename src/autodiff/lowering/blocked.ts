import { product, reshape } from './axes.ts'
import { type Geometry, gradientConvolution } from './convolution.ts'
import type { Lower, Lowering } from './index.ts'
import { standardLowering } from './standard.ts'

/**
 * Lowers what profits to ONNX Runtime's own operators on its blocked layout, with weights that change from step to step; the rest as in
 * the standard lowering.
 *
 * @param block how many channels lie side by side (see `blockSize`)
 */
export function blockedLowering(block: number): Lowering {
  return {
    ...standardLowering,
    'graft.ConvWeightGradient': (builder, inputs, geometry) =>
      (isBlockedDepthwise(geometry, block)
        ? depthwiseWeightGradient
        : standardLowering['graft.ConvWeightGradient'])(builder, inputs, geometry),
  }
}

function isBlockedDepthwise(geometry: Geometry, block: number): boolean {
  const { dims, output_dims, group } = geometry
  const [batch, channels] = dims as [number, number]
  const depthwise = group === channels && group === output_dims[1] && group > 1
  const { attributes, excess } = gradientConvolution(geometry)
  return (
    depthwise &&
    dims.length === 4 &&
    (batch * channels) % block === 0 &&
    excess.every((count) => count === 0) &&
    attributes.strides.every((stride) => stride === 1)
  )
}

/** Every channel of every image is a group of its own; dy in the blocked layout is just what the operator takes as depthwise kernel. */
const depthwiseWeightGradient: Lower<'graft.ConvWeightGradient'> = (
  builder,
  [x = '', dy = ''],
  geometry,
) => {
  const { dims, output_dims, kernel_shape } = geometry
  const [batch, channels] = dims as [number, number]
  const groups = batch * channels
  const blocked = (value: string, [, , ...spatial]: readonly number[]) =>
    builder.op('com.microsoft.nchwc.ReorderInput', [
      reshape(builder, value, [1, groups, ...spatial]),
    ])
  const kernel = reshape(builder, blocked(dy, output_dims), [groups, 1, ...output_dims.slice(2)])
  const gradient = builder.op('com.microsoft.nchwc.Conv', [blocked(x, dims), kernel], {
    ...gradientConvolution(geometry).attributes,
    group: groups,
  })
  const plain = builder.op('com.microsoft.nchwc.ReorderOutput', [gradient], { channels: groups })
  const images = reshape(builder, plain, [batch, channels * product(kernel_shape)])
  const sum = builder.op('ReduceSum', [images, builder.int64s([0])], { keepdims: 0 })
  return [reshape(builder, sum, [channels, 1, ...kernel_shape])]
}
