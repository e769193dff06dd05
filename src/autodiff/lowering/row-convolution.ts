import type { GraphBuilder } from '../../graph/builder.ts'
import { zeros } from '../../graph/tensor.ts'
import { takersOf } from '../add-rows.ts'
import { product, reshape } from './axes.ts'
import { gatheredPatches, type Pixels, pixelsUnderKernel } from './pixels.ts'
import type { Given } from './rule.ts'

type Geometry = Given<'graft.Conv'>

/** Whether an output map is so small that a convolution operator would fetch the whole kernel anew for few pixels of each image. */
export const isSmallMap = (spatial: readonly number[]) =>
  spatial.length === 2 && product(spatial) <= 16

/** Whether a convolution is written as a product of matrices whose rows are pixels. */
export const isSmall = ({ group, output_dims }: Geometry) =>
  group === 1 && isSmallMap(output_dims.slice(2))

/** A kernel [F, C, ...] as rows [F, kernel * C], in the order of gathered patches. */
function kernelRows(
  builder: GraphBuilder,
  w: string,
  { dims, output_dims, kernel_shape }: Geometry,
) {
  const size = [output_dims[1] as number, product(kernel_shape) * (dims[1] as number)]
  if (product(kernel_shape) === 1) return reshape(builder, w, size)
  return reshape(builder, builder.op('Transpose', [w], { perm: [0, 2, 3, 1] }), size)
}

/** The forward pass: patches times kernels. */
export function rowConv(
  builder: GraphBuilder,
  [x = '', w = '', bias]: readonly string[],
  geometry: Geometry,
  pixels: Pixels,
): string {
  const patches = gatheredPatches(builder, x, geometry, pixels)
  const inputs = [patches, kernelRows(builder, w, geometry)]
  if (bias) inputs.push(bias)
  return pixels.fromRows(builder.op('Gemm', inputs, { transB: 1 }), geometry.output_dims)
}

/** The gradient with respect to the input: what every output pixel gives to every pixel under it, picked and added up. */
export function rowInputGradient(
  builder: GraphBuilder,
  [dy = '', w = '']: readonly string[],
  geometry: Geometry,
  pixels: Pixels,
): string {
  const { dims, output_dims, kernel_shape } = geometry
  const [batch, channels] = dims as [number, number]
  const each = product(dims.slice(2))
  const shares = product(output_dims.slice(2)) * product(kernel_shape)
  const takers = takersOf(pixelsUnderKernel(geometry), each)
  const most = Math.max(1, ...takers.map((list) => list.length))
  // A row of zeros at the end of dy gives zeros to whoever takes less than others.
  const last = builder.constant(zeros('float32', [1, output_dims[1] as number]))
  const rows = builder.op('Concat', [pixels.rows(dy, output_dims), last], { axis: 0 })
  const given = builder.op('Gemm', [rows, kernelRows(builder, w, geometry)])
  const indices = Array.from({ length: batch }, (_, image) =>
    takers.map((list) =>
      Array.from(
        { length: most },
        (_, turn) => image * shares + (list[turn] ?? (batch - image) * shares),
      ),
    ),
  )
  const list = reshape(builder, given, [-1, channels])
  const picked = builder.op('Gather', [list, builder.int64s(indices.flat(2))], { axis: 0 })
  if (most === 1) return pixels.fromRows(picked, dims)
  const turns = reshape(builder, picked, [batch * each, most, channels])
  const sum = builder.op('ReduceSum', [turns, builder.int64s([1])], { keepdims: 0 })
  return pixels.fromRows(sum, dims)
}
