import type { GraphBuilder } from '../../graph/builder.ts'
import { positionsUnder } from '../geometry.ts'
import { product, reshape } from './axes.ts'
import { type BlockedRule, type Blocks, isImageType } from './blocks.ts'

/** How the pixels of [N, C, ...] are got at, and how rows of pixels become such a value again. */
export type Pixels = {
  /** As rows of all their channels, [N * pixels, C]. */
  rows(value: string, dims: readonly number[]): string
  /** In parts of neighbouring channels, [N, parts * pixels, C / parts]. */
  parts(value: string, dims: readonly number[]): { readonly list: string; readonly count: number }
  /** The value of dimensions `dims` whose rows are given. */
  fromRows(rows: string, dims: readonly number[]): string
}

/** Of planes, as ONNX lays them out. */
export function planePixels(builder: GraphBuilder): Pixels {
  const rows: Pixels['rows'] = (value, dims) => {
    const [batch, channels] = dims as [number, number]
    const pixels = product(dims.slice(2))
    if (pixels === 1) return reshape(builder, value, [batch, channels])
    const flat = reshape(builder, value, [batch, channels, pixels])
    const last = builder.op('Transpose', [flat], { perm: [0, 2, 1] })
    return reshape(builder, last, [batch * pixels, channels])
  }
  return {
    rows,
    parts: (value, dims) => ({
      list: reshape(builder, rows(value, dims), [
        dims[0] as number,
        product(dims.slice(2)),
        dims[1] as number,
      ]),
      count: 1,
    }),
    fromRows(value, dims) {
      const [batch, channels] = dims as [number, number]
      const pixels = product(dims.slice(2))
      if (pixels === 1) return reshape(builder, value, dims)
      const apart = reshape(builder, value, [batch, pixels, channels])
      return reshape(builder, builder.op('Transpose', [apart], { perm: [0, 2, 1] }), dims)
    },
  }
}

/** Of what is in blocks, without a way through planes. */
export function blockPixels(blocks: Blocks): Pixels {
  const { builder, size } = blocks
  const planes = planePixels(builder)
  return {
    rows(value, dims) {
      const [batch, channels, ...spatial] = dims as [number, number, ...number[]]
      const pixels = product(spatial)
      if (!blocks.has(value) || pixels === 1) return planes.rows(value, dims)
      const last = builder.op('com.microsoft.nchwc.ReorderOutput', [blocks.of(value)], {
        channels,
        channels_last: 1,
      })
      return reshape(builder, last, [batch * pixels, channels])
    },
    parts(value, dims) {
      const [batch, channels, ...spatial] = dims as [number, number, ...number[]]
      if (!blocks.has(value) || channels % size !== 0) return planes.parts(value, dims)
      const count = channels / size
      const list = reshape(builder, blocks.of(value), [batch, count * product(spatial), size])
      return { list, count }
    },
    fromRows(value, dims) {
      const [batch, channels, ...spatial] = dims as [number, number, ...number[]]
      if (channels % 4 !== 0 || spatial.length !== 2) return planes.fromRows(value, dims)
      const last = reshape(builder, value, [batch, ...spatial, channels])
      const blocked = builder.op('com.microsoft.nchwc.ReorderInput', [last], { channels_last: 1 })
      return blocks.plain(blocked, dims)
    },
  }
}

/** Between an image and its pixels with all their channels, [N, H, W, C], without a way through planes. */
export const channelsMoved: BlockedRule<'Transpose'> = (blocks, [x = ''], { perm }) => {
  const { builder } = blocks
  const [batch, ...rest] = blocks.typeOf(x)?.dims ?? []
  if (batch === undefined || rest.length !== 3) return null
  const order = perm?.join()
  if (order === '0,2,3,1' && blocks.has(x)) {
    const channels = rest[0] as number
    const attributes = { channels, channels_last: 1 }
    return [builder.op('com.microsoft.nchwc.ReorderOutput', [blocks.of(x)], attributes)]
  }
  const [height, width, channels] = rest as [number, number, number]
  if (order !== '0,3,1,2' || channels % 4 !== 0 || !isImageType(blocks, x)) return null
  const blocked = builder.op('com.microsoft.nchwc.ReorderInput', [x], { channels_last: 1 })
  return [blocks.plain(blocked, [batch, channels, height, width])]
}

type PatchGeometry = Readonly<
  Record<
    'dims' | 'output_dims' | 'kernel_shape' | 'strides' | 'dilations' | 'pads',
    readonly number[]
  >
>

/** For each output pixel and each tap of the kernel, in this order, the input pixel under it; -1 for padding. Two axes. */
export function pixelsUnderKernel(geometry: PatchGeometry): readonly number[] {
  const { dims, output_dims } = geometry
  const [height, width] = dims.slice(2) as [number, number]
  const [down, across] = [0, 1].map((axis) =>
    positionsUnder(geometry, axis, output_dims[axis + 2] as number),
  ) as [number[][], number[][]]
  const at = (y: number, x: number) =>
    y >= 0 && y < height && x >= 0 && x < width ? y * width + x : -1
  return down.flatMap((ys) => across.flatMap((xs) => ys.flatMap((y) => xs.map((x) => at(y, x)))))
}

/** Pixels of a list [N, count, width] by their index, -1 for one of zeros: [N, indices, width]. */
export function pickPixels(
  builder: GraphBuilder,
  list: string,
  count: number,
  indices: readonly number[],
): string {
  const source = indices.includes(-1)
    ? builder.op('Pad', [list, builder.int64s([0, 0, 0, 0, 1, 0])])
    : list
  const picked = builder.int64s(indices.map((index) => (index < 0 ? count : index)))
  return builder.op('Gather', [source, picked], { axis: 1 })
}

/** Every patch under the kernel as a row of pixels with all their channels: [N * outputs, kernel * C]. */
export function gatheredPatches(
  builder: GraphBuilder,
  x: string,
  geometry: PatchGeometry,
  pixels: Pixels,
): string {
  const { dims, output_dims, kernel_shape } = geometry
  const [batch, channels] = dims as [number, number]
  const each = product(dims.slice(2))
  const { list, count } = pixels.parts(x, dims)
  const indices = pixelsUnderKernel(geometry).flatMap((pixel) =>
    Array.from({ length: count }, (_, part) => (pixel < 0 ? -1 : part * each + pixel)),
  )
  return reshape(builder, pickPixels(builder, list, count * each, indices), [
    batch * product(output_dims.slice(2)),
    product(kernel_shape) * channels,
  ])
}
