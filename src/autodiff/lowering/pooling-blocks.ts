import { step } from '../step-function.ts'
import { product, reshape } from './axes.ts'
import { type BlockedRule, fill, isChannelVector, isImage, repeated } from './blocks.ts'
import { tilesPart } from './pooling.ts'
import type { Given } from './rule.ts'

type Pool = Given<'AveragePool'> | Given<'MaxPool'>

/** Pools what is in blocks already, where the operator on blocks knows the attributes. */
function pool(
  operator: 'com.microsoft.nchwc.AveragePool' | 'com.microsoft.nchwc.MaxPool',
): (...given: Parameters<BlockedRule<never>>) => readonly string[] | null {
  return (blocks, [x = ''], attributes: Pool, { types: [type] }) => {
    const { kernel_shape, auto_pad, ceil_mode, dilations, pads, strides } = attributes
    const isPlain = !ceil_mode && auto_pad === 'NOTSET' && (dilations ?? []).every((d) => d === 1)
    if (!blocks.has(x) || !type || !isPlain) return null
    const counted = 'count_include_pad' in attributes && {
      count_include_pad: attributes.count_include_pad,
    }
    const pooled = blocks.builder.op(operator, [blocks.of(x)], {
      ...(kernel_shape && { kernel_shape }),
      ...(pads && { pads }),
      ...(strides && { strides }),
      ...counted,
    })
    return [blocks.plain(pooled, type.dims)]
  }
}

export const maxPool = pool('com.microsoft.nchwc.MaxPool')
export const averagePool = pool('com.microsoft.nchwc.AveragePool')

export const globalAveragePool: BlockedRule<'GlobalAveragePool'> = (
  blocks,
  [x = ''],
  _,
  { types: [type] },
) => {
  if (!blocks.has(x) || !type) return null
  const pooled = blocks.builder.op('com.microsoft.nchwc.GlobalAveragePool', [blocks.of(x)])
  return [blocks.plain(pooled, type.dims)]
}

/** The sum over each map, as its mean times its pixels. */
export const mapSum: BlockedRule<'ReduceSum'> = (blocks, [x = '', axes = ''], { keepdims }) => {
  const { builder } = blocks
  const type = blocks.typeOf(x)
  const over = blocks.constantOf(axes)?.map((axis) => (axis < 0 ? axis + 4 : axis))
  if (!blocks.has(x) || !type || over?.length !== 2 || !over.includes(2) || !over.includes(3)) {
    return null
  }
  const [batch, channels, ...spatial] = type.dims as [number, number, ...number[]]
  const mean = builder.op('com.microsoft.nchwc.GlobalAveragePool', [blocks.of(x)])
  const sum = builder.op('Mul', [mean, builder.scalar(product(spatial))])
  const plain = blocks.plain(sum, [batch, channels, 1, 1])
  return [keepdims ? plain : reshape(builder, plain, [batch, channels])]
}

/** A number for each channel of each image, repeated over its map. */
export const expand: BlockedRule<'Expand'> = (blocks, [x = ''], _, { types: [type] }) => {
  const dims = blocks.typeOf(x)?.dims
  const isSame = type?.dims.length === 4 && [0, 1].every((axis) => dims?.[axis] === type.dims[axis])
  if (!type || !isSame || !isChannelVector(blocks, x)) return null
  return [blocks.plain(repeated(blocks, x, type.dims.slice(2)), type.dims)]
}

/**
 * Where windows lie side by side, an input that equals its window's maximum gets its share; equal ones share equally, and what lies behind the windows gets
 * nothing. What belongs to a window is repeated to the side only: its rows have it in common by broadcasting.
 */
export const tiledMaxPoolGradient: BlockedRule<'graft.MaxPoolGradient'> = (
  blocks,
  [x = '', y = '', dy = ''],
  window,
) => {
  const { builder } = blocks
  const { kernel_shape, strides, dims, output_dims } = window
  if (!blocks.has(x) || !tilesPart(window) || !isImage(blocks, dy)) return null
  const { size } = blocks
  const [batch, channels, height, width] = dims as [number, number, number, number]
  const [rows, columns] = output_dims.slice(2) as [number, number]
  const [down, across] = strides as [number, number]
  const covered = [rows * down, columns * across] as const
  const all = blocks.padded(channels)
  const parts = (batch * all) / size
  const rest = [0, height - covered[0], (width - covered[1]) * size]
  const repeat = (value: string) => {
    const wide = builder.op('com.microsoft.nchwc.Upsample', [value], { scales: [1, 1, 1, across] })
    return reshape(builder, wide, [parts * rows, 1, covered[1] * size])
  }
  const seen = fill(
    builder,
    reshape(builder, blocks.of(x), [parts, height, width * size]),
    rest.map((count) => 0 - count),
  )
  const lines = reshape(builder, seen, [parts * rows, down, covered[1] * size])
  const attains = step(builder, builder.op('Sub', [lines, repeat(blocks.of(y))]), 1)
  const mean = builder.op(
    'com.microsoft.nchwc.AveragePool',
    [reshape(builder, attains, [batch, all, ...covered])],
    { kernel_shape, strides },
  )
  const part = builder.op('Mul', [blocks.of(dy), builder.scalar(1 / product(kernel_shape))])
  const shares = builder.op('Mul', [attains, repeat(builder.op('Div', [part, mean]))])
  const filled = fill(
    builder,
    reshape(builder, shares, [parts, covered[0], covered[1] * size]),
    rest,
  )
  return [blocks.plain(reshape(builder, filled, [batch, all, height, width]), dims)]
}
