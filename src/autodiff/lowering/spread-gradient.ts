import { product, reshape } from './axes.ts'
import type { Blocks } from './blocks.ts'
import { type Geometry, mirrored } from './convolution-weights.ts'
import { pickPixels } from './pixels.ts'

/**
 * dy in blocks with zeros between its pixels where strides are larger than one, and the pads under which the flipped kernel then sees what it gives to each
 * pixel of x; null where pixels of x lie beyond that. The zeros are put in by picking pixels: one pass, and cheaper for few products a pixel than small
 * convolutions for the pixels of each residue whose results are interleaved.
 */
export function spreadGradient(
  blocks: Blocks,
  dy: string,
  geometry: Geometry,
): { readonly spread: string; readonly pads: readonly number[] } | null {
  const { builder, padded, size: block } = blocks
  const { output_dims, strides } = geometry
  const [batch, filters] = output_dims as [number, number]
  const all = padded(filters)
  const [down, across] = strides as [number, number]
  const [rows, columns] = output_dims.slice(2) as [number, number]
  const sides = [rows * down, columns * across] as const
  const { pads } = mirrored({ ...geometry, output_dims: [batch, filters, ...sides] })
  if (pads.some((count) => count < 0)) return null
  if (down * across === 1) return { spread: blocks.of(dy), pads }
  const source = Array.from({ length: product(sides) }, (_, index) => {
    const [y, x] = [Math.floor(index / sides[1]), index % sides[1]]
    return y % down === 0 && x % across === 0 ? (y / down) * columns + x / across : -1
  })
  const list = reshape(builder, blocks.of(dy), [(batch * all) / block, rows * columns, block])
  const picked = pickPixels(builder, list, rows * columns, source)
  return { spread: reshape(builder, picked, [batch, all, ...sides]), pads }
}
