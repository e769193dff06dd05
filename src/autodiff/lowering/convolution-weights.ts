import type { GraphBuilder } from '../../graph/builder.ts'
import { padSpatial, product, reshape } from './axes.ts'
import type { BlockedRule } from './blocks.ts'
import { blockPixels, gatheredPatches, type Pixels, planePixels } from './pixels.ts'
import { isSmallMap } from './row-convolution.ts'
import type { Lower } from './rule.ts'

export type Geometry = Parameters<Lower<'graft.ConvWeightGradient'>>[2]

/** One way to compute the gradient of a kernel, and where it is the fastest that is right. */
type WeightGradient = {
  readonly fits: (geometry: Geometry) => boolean
  write(
    builder: GraphBuilder,
    inputs: readonly string[],
    geometry: Geometry,
    pixels: Pixels,
  ): readonly string[]
}

const isPointwise = ({ kernel_shape, strides, pads, group }: Geometry) =>
  group === 1 &&
  product(kernel_shape) === 1 &&
  product(strides) === 1 &&
  pads.every((pad) => pad === 0)

const isPlanar = ({ kernel_shape, group }: Geometry) => group === 1 && kernel_shape.length === 2

const isSteppedByOne = ({ strides }: Geometry) => product(strides) === 1

/** Few enough, and no pixel of x lies beyond what the mirrored kernel sees. */
const hasFewFilters = (geometry: Geometry) =>
  (geometry.output_dims[1] as number) < 8 && mirrored(geometry).pads.every((pad) => pad >= 0)

/** The convolution, of stride 1, that sees dy where the given one puts it, for every pixel of x: its kernel lies the other way round. */
export function mirrored(geometry: Geometry): Geometry {
  const { dims, output_dims, kernel_shape, dilations, pads } = geometry
  const reach = kernel_shape.map((size, axis) => (size - 1) * (dilations[axis] as number))
  const before = reach.map((count, axis) => count - (pads[axis] as number))
  const after = before.map((count, axis) => {
    const [given, made] = [dims, output_dims].map((own) => own[axis + 2] as number) as [
      number,
      number,
    ]
    return given + (reach[axis] as number) - made - count
  })
  return { ...geometry, dims: output_dims, output_dims: dims, pads: [...before, ...after] }
}

/** The first that fits is taken. */
const weightGradients: readonly WeightGradient[] = [
  {
    // 1x1 on large maps: one product an image, summed.
    fits: (geometry) => isPointwise(geometry) && product(geometry.dims.slice(2)) >= 200,
    write: (builder, [x = '', dy = ''], { dims, output_dims, kernel_shape }) => {
      const [batch, channels] = dims as [number, number]
      const [, filters] = output_dims as [number, number]
      const pixels = product(dims.slice(2))
      const products = builder.op(
        'com.microsoft.FusedMatMul',
        [
          reshape(builder, dy, [batch, filters, pixels]),
          reshape(builder, x, [batch, channels, pixels]),
        ],
        { transB: 1 },
      )
      const sum = builder.op('ReduceSum', [products, builder.int64s([0])], { keepdims: 0 })
      return [reshape(builder, sum, [filters, channels, ...kernel_shape])]
    },
  },
  {
    // 1x1 on small maps: one product over all pixels of all images.
    fits: isPointwise,
    write: (builder, [x = '', dy = ''], { dims, output_dims, kernel_shape }, pixels) => {
      const gradient = builder.op('Gemm', [pixels.rows(dy, output_dims), pixels.rows(x, dims)], {
        transA: 1,
      })
      return [
        reshape(builder, gradient, [output_dims[1] as number, dims[1] as number, ...kernel_shape]),
      ]
    },
  },
  {
    // Few channels: patches beside each other by slicing, one product an image.
    fits: (geometry) => isPlanar(geometry) && (geometry.dims[1] as number) < 8,
    write: (builder, [x = '', dy = ''], geometry) => {
      const { dims, output_dims, kernel_shape } = geometry
      const [batch, channels] = dims as [number, number]
      const [, filters, height, width] = output_dims as [number, number, number, number]
      const products = builder.op(
        'com.microsoft.FusedMatMul',
        [
          reshape(builder, dy, [batch, filters, height * width]),
          slicedPatches(builder, x, geometry),
        ],
        { transB: 1 },
      )
      const sum = builder.op('ReduceSum', [products, builder.int64s([0])], { keepdims: 0 })
      return [reshape(builder, sum, [filters, channels, ...kernel_shape])]
    },
  },
  {
    // Few filters, such as those of an image that is made: patches of dy instead, for every pixel of x.
    fits: (geometry) => isPlanar(geometry) && isSteppedByOne(geometry) && hasFewFilters(geometry),
    write: (builder, [x = '', dy = ''], geometry) => {
      const { dims, output_dims, kernel_shape } = geometry
      const [batch, channels, height, width] = dims as [number, number, number, number]
      const filters = output_dims[1] as number
      const taps = product(kernel_shape)
      const products = builder.op(
        'com.microsoft.FusedMatMul',
        [
          slicedPatches(builder, dy, mirrored(geometry)),
          reshape(builder, x, [batch, channels, height * width]),
        ],
        { transB: 1 },
      )
      const sum = builder.op('ReduceSum', [products, builder.int64s([0])], { keepdims: 0 })
      const backwards = builder.int64s(Array.from({ length: taps }, (_, tap) => taps - 1 - tap))
      const byTap = reshape(builder, sum, [filters, taps, channels])
      const turned = builder.op('Gather', [byTap, backwards], { axis: 1 })
      const gradient = builder.op('Transpose', [turned], { perm: [0, 2, 1] })
      return [reshape(builder, gradient, [filters, channels, ...kernel_shape])]
    },
  },
  {
    // Patches gathered as rows of pixels: one product an image where that is large enough, for all of it then stays in the cache.
    fits: isPlanar,
    write: (builder, [x = '', dy = ''], geometry, pixels) => {
      const { dims, output_dims, kernel_shape } = geometry
      const channels = dims[1] as number
      const [, filters] = output_dims as [number, number]
      const patches = gatheredPatches(builder, x, geometry, pixels)
      const gradient =
        product(output_dims.slice(2)) <= 64
          ? builder.op('Gemm', [pixels.rows(dy, output_dims), patches], { transA: 1 })
          : imageProducts(builder, dy, patches, output_dims)
      if (!isSmallMap(output_dims.slice(2))) {
        const rows = reshape(builder, gradient, [filters * product(kernel_shape), channels])
        return [pixels.fromRows(rows, [filters, channels, ...kernel_shape])]
      }
      // Where kernels are carried in the order of the pixels, this is undone.
      const apart = reshape(builder, gradient, [filters, ...kernel_shape, channels])
      return [builder.op('Transpose', [apart], { perm: [0, 3, 1, 2] })]
    },
  },
  {
    // Depthwise: every channel of every image is a group of its own.
    fits: ({ group, dims, output_dims }) => group === dims[1] && group === output_dims[1],
    write: (builder, [x = '', dy = ''], geometry) => {
      const { dims, output_dims, kernel_shape } = geometry
      const [batch, channels] = dims as [number, number]
      const gradient = convolveByGradient(
        builder,
        reshape(builder, x, [1, batch * channels, ...dims.slice(2)]),
        reshape(builder, dy, [batch * channels, 1, ...output_dims.slice(2)]),
        { ...geometry, group: batch * channels },
      )
      const images = reshape(builder, gradient, [batch, channels * product(kernel_shape)])
      const sum = builder.op('ReduceSum', [images, builder.int64s([0])], { keepdims: 0 })
      return [reshape(builder, sum, [channels, 1, ...kernel_shape])]
    },
  },
  {
    // Anything else: images and channels change places, and the gradient is a kernel.
    fits: () => true,
    write: (builder, [x = '', dy = ''], geometry) => {
      const { dims, output_dims, kernel_shape, group } = geometry
      const [batch, channels] = dims as [number, number]
      const filters = output_dims[1] as number
      const spatialAxes = kernel_shape.map((_, axis) => axis)
      const perm = [2, 1, 0, ...spatialAxes.map((axis) => axis + 3)]
      const grouped = reshape(builder, x, [batch, group, channels / group, ...dims.slice(2)])
      const images = reshape(builder, builder.op('Transpose', [grouped], { perm }), [
        channels / group,
        group * batch,
        ...dims.slice(2),
      ])
      const swap = [1, 0, ...spatialAxes.map((axis) => axis + 2)]
      const filtersFirst = builder.op('Transpose', [dy], { perm: swap })
      const gradient = convolveByGradient(builder, images, filtersFirst, geometry)
      const kernel = reshape(builder, gradient, [channels / group, filters, ...kernel_shape])
      return [builder.op('Transpose', [kernel], { perm: swap })]
    },
  },
]

/** The gradient of a convolution with respect to its kernel. */
export const convWeightGradient: Lower<'graft.ConvWeightGradient'> = (builder, inputs, geometry) =>
  write(builder, inputs, geometry, planePixels(builder))

/** The same, where the pixels of what is in blocks are taken from there. */
export const convWeightGradientFromBlocks: BlockedRule<'graft.ConvWeightGradient'> = (
  blocks,
  inputs,
  geometry,
) => write(blocks.builder, inputs, geometry, blockPixels(blocks))

function write(
  builder: GraphBuilder,
  inputs: readonly string[],
  geometry: Geometry,
  pixels: Pixels,
): readonly string[] {
  const way = weightGradients.find(({ fits }) => fits(geometry)) as WeightGradient
  return way.write(builder, inputs, geometry, pixels)
}

/** The convolution whose kernel is dy and whose result is dW: strides and dilations change places. */
function convolveByGradient(
  builder: GraphBuilder,
  x: string,
  dy: string,
  geometry: Geometry,
): string {
  const { attributes, excess } = gradientConvolution(geometry)
  const seen = padSpatial(
    builder,
    x,
    excess.map(() => 0),
    excess.map((count) => -count),
  )
  return builder.op('Conv', [seen, dy], { ...attributes, group: geometry.group })
}

/** The attributes of that convolution, and how many pixels at the end of each axis no stride reached: they must be cut off. */
export function gradientConvolution({
  dims,
  output_dims,
  kernel_shape,
  strides,
  dilations,
  pads,
}: Geometry) {
  const before = pads.slice(0, kernel_shape.length)
  const after = kernel_shape.map((size, axis) => {
    const reach =
      (size - 1) * (dilations[axis] as number) +
      ((output_dims[axis + 2] as number) - 1) * (strides[axis] as number) +
      1
    return reach - (dims[axis + 2] as number) - (before[axis] as number)
  })
  return {
    attributes: {
      kernel_shape: output_dims.slice(2),
      dilations: strides,
      strides: dilations,
      pads: [...before, ...after.map((count) => Math.max(count, 0))],
    },
    excess: after.map((count) => Math.max(-count, 0)),
  }
}

/** The products of dy [M, pixels] and patches [pixels, K] of every image, summed over the images: [M, K]. */
function imageProducts(
  builder: GraphBuilder,
  dy: string,
  patches: string,
  [batch, filters, ...spatial]: readonly number[],
): string {
  const pixels = product(spatial)
  const products = builder.op('MatMul', [
    reshape(builder, dy, [batch as number, filters as number, pixels]),
    reshape(builder, patches, [batch as number, pixels, -1]),
  ])
  return builder.op('ReduceSum', [products, builder.int64s([0])], { keepdims: 0 })
}

/** Every patch under the kernel as a column: [N, C * kernel, outputs]. */
function slicedPatches(builder: GraphBuilder, x: string, geometry: Geometry): string {
  const { dims, output_dims, kernel_shape, strides, dilations, pads } = geometry
  const [batch, channels] = dims as [number, number]
  const [outHeight, outWidth] = output_dims.slice(2) as [number, number]
  const [kernelHeight, kernelWidth] = kernel_shape as [number, number]
  const padded = padSpatial(builder, x, pads.slice(0, 2), pads.slice(2))
  const height = (dims[2] as number) + (pads[0] as number) + (pads[2] as number)
  const shifted = (value: string, axis: number, offset: number, count: number, stride: number) =>
    builder.op('Slice', [
      value,
      builder.int64s([offset]),
      builder.int64s([offset + (count - 1) * stride + 1]),
      builder.int64s([axis]),
      builder.int64s([stride]),
    ])
  const join = (parts: string[]) =>
    parts.length === 1 ? (parts[0] as string) : builder.op('Concat', parts, { axis: 2 })
  const columns = Array.from({ length: kernelWidth }, (_, u) =>
    reshape(
      builder,
      shifted(padded, 3, u * (dilations[1] as number), outWidth, strides[1] as number),
      [batch, channels, 1, height, outWidth],
    ),
  )
  const wide = join(columns)
  const rows = Array.from({ length: kernelHeight }, (_, v) =>
    reshape(
      builder,
      shifted(wide, 3, v * (dilations[0] as number), outHeight, strides[0] as number),
      [batch, channels, 1, kernelWidth, outHeight * outWidth],
    ),
  )
  return reshape(builder, join(rows), [
    batch,
    channels * kernelHeight * kernelWidth,
    outHeight * outWidth,
  ])
}
