/** How a window slides over the spatial axes of a tensor, with every default and `auto_pad` resolved. */
export type WindowGeometry = {
  readonly kernel_shape: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** First the padding before each axis, then the padding after each. */
  readonly pads: readonly number[]
}

type WindowAttributes = {
  readonly auto_pad: string
  readonly kernel_shape?: readonly number[] | undefined
  readonly strides?: readonly number[] | undefined
  readonly dilations?: readonly number[] | undefined
  readonly pads?: readonly number[] | undefined
}

/**
 * Resolves the attributes of a convolution or pooling node.
 *
 * @param spatial the spatial dimensions of the input
 * @param kernel the kernel's spatial dimensions
 */
export function windowGeometry(
  attributes: WindowAttributes,
  spatial: readonly number[],
  kernel: readonly number[],
): WindowGeometry {
  const strides = attributes.strides ?? kernel.map(() => 1)
  const dilations = attributes.dilations ?? kernel.map(() => 1)
  const same = attributes.auto_pad.startsWith('SAME')
  if (!same) {
    const pads = attributes.auto_pad === 'VALID' ? undefined : attributes.pads
    return { kernel_shape: kernel, strides, dilations, pads: pads ?? kernel.flatMap(() => [0, 0]) }
  }
  const totals = spatial.map((size, axis) => {
    const stride = strides[axis] as number
    const extent = ((kernel[axis] as number) - 1) * (dilations[axis] as number) + 1
    return Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0)
  })
  const small = totals.map((total) => Math.floor(total / 2))
  const large = totals.map((total) => Math.ceil(total / 2))
  const pads = attributes.auto_pad === 'SAME_UPPER' ? [...small, ...large] : [...large, ...small]
  return { kernel_shape: kernel, strides, dilations, pads }
}

/** A convolution of one pixel, without groups, from as many channels to as many. */
export function pixelGeometry(dims: readonly number[]) {
  const pixel = dims.slice(2).map(() => 1)
  return {
    dims,
    output_dims: dims,
    group: 1,
    kernel_shape: pixel,
    strides: pixel,
    dilations: pixel,
    pads: [...pixel, ...pixel].map(() => 0),
  }
}

/** Along one axis, the positions that the taps of each window see, one window after the other; those on padding lie outside the input. */
export function positionsUnder(
  { kernel_shape, strides, dilations, pads }: WindowGeometry,
  axis: number,
  windows: number,
): number[][] {
  return Array.from({ length: windows }, (_, window) =>
    Array.from(
      { length: kernel_shape[axis] as number },
      (_, tap) =>
        window * (strides[axis] as number) +
        tap * (dilations[axis] as number) -
        (pads[axis] as number),
    ),
  )
}
