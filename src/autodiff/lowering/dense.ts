import { flipSpatial, product, reshape } from './axes.ts'
import { fromBlocks, type Partly, toBlocks } from './blocks.ts'

/**
 * The gradient of an ordinary convolution with respect to its input, at stride 1: the convolution with the flipped, transposed kernel. It
 * pays for its way into the blocked layout and back where the kernel is larger than a pixel and the map is not tiny.
 */
export function denseInputGradient(block: number): Partly<'graft.ConvInputGradient'> {
  return (builder, [dy = '', w = ''], geometry) => {
    const { dims, output_dims, kernel_shape, pads, strides, dilations, group } = geometry
    const [, channels, ...spatial] = dims as [number, number, number, number]
    const [, filters, ...output] = output_dims as [number, number, number, number]
    const fits =
      group === 1 &&
      dims.length === 4 &&
      channels % block === 0 &&
      filters % block === 0 &&
      product(kernel_shape) > 1 &&
      product(spatial) > 16 &&
      [...strides, ...dilations].every((count) => count === 1)
    if (!fits) return null
    const before = kernel_shape.map((size, axis) => size - 1 - (pads[axis] as number))
    const after = kernel_shape.map(
      (size, axis) =>
        (spatial[axis] as number) - (output[axis] as number) + size - 1 - (before[axis] as number),
    )
    if ([...before, ...after].some((pad) => pad < 0)) return null
    const turned = reshape(builder, flipSpatial(builder, w, kernel_shape), [
      filters / block,
      block,
      channels / block,
      block,
      ...kernel_shape,
    ])
    const kernel = reshape(
      builder,
      builder.op('Transpose', [turned], { perm: [2, 0, 4, 5, 1, 3] }),
      [channels, filters, ...kernel_shape],
    )
    const result = builder.op('com.microsoft.nchwc.Conv', [toBlocks(builder, dy), kernel], {
      kernel_shape,
      pads: [...before, ...after],
    })
    return [fromBlocks(builder, result, channels)]
  }
}
