import { step } from '../step-function.ts'
import { product } from './axes.ts'
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

/** Where windows tile, an input that equals its window's maximum gets its share; equal ones share equally. */
export const tiledMaxPoolGradient: BlockedRule<'graft.MaxPoolGradient'> = (
  blocks,
  [x = '', y = '', dy = ''],
  window,
) => {
  const { builder } = blocks
  const { kernel_shape, strides, dims } = window
  if (!blocks.has(x) || !tiles(window) || !isImage(blocks, dy)) return null
  const repeat = (value: string) =>
    builder.op('com.microsoft.nchwc.Upsample', [value], { scales: [1, 1, ...strides] })
  const attains = step(builder, builder.op('Sub', [blocks.of(x), repeat(blocks.of(y))]), 1)
  const mean = builder.op('com.microsoft.nchwc.AveragePool', [attains], { kernel_shape, strides })
  const part = builder.op('Mul', [blocks.of(dy), builder.scalar(1 / product(kernel_shape))])
  const share = builder.op('Div', [part, mean])
  return [blocks.plain(builder.op('Mul', [attains, repeat(share)]), dims)]
}
