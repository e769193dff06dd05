import { step } from '../step-function.ts'
import { product, reshape } from './axes.ts'
import { type BlockedRule, isImage } from './blocks.ts'
import { tiles } from './pooling.ts'
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

/**
 * Where windows tile, an input that equals its window's maximum gets its share; equal ones share equally. What belongs to a window is repeated to the side only:
 * the rows of a window have it in common by broadcasting.
 */
export const tiledMaxPoolGradient: BlockedRule<'graft.MaxPoolGradient'> = (
  blocks,
  [x = '', y = '', dy = ''],
  window,
) => {
  const { builder } = blocks
  const { kernel_shape, strides, dims, output_dims } = window
  if (!blocks.has(x) || !tiles(window) || !isImage(blocks, dy)) return null
  const [batch, channels, height, width] = dims as [number, number, number, number]
  const all = [batch, blocks.padded(channels), height, width]
  const [down, across] = strides as [number, number]
  const lines = (batch * blocks.padded(channels) * (output_dims[2] as number)) / blocks.size
  const repeat = (value: string) => {
    const wide = builder.op('com.microsoft.nchwc.Upsample', [value], { scales: [1, 1, 1, across] })
    return reshape(builder, wide, [lines, 1, width * blocks.size])
  }
  const rows = reshape(builder, blocks.of(x), [lines, down, width * blocks.size])
  const attains = step(builder, builder.op('Sub', [rows, repeat(blocks.of(y))]), 1)
  const mean = builder.op('com.microsoft.nchwc.AveragePool', [reshape(builder, attains, all)], {
    kernel_shape,
    strides,
  })
  const part = builder.op('Mul', [blocks.of(dy), builder.scalar(1 / product(kernel_shape))])
  const shares = builder.op('Mul', [attains, repeat(builder.op('Div', [part, mean]))])
  return [blocks.plain(reshape(builder, shares, all), dims)]
}
