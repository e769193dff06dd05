import type { GraphBuilder } from '../../graph/builder.ts'
import type { AttributesOf, OperatorName } from '../../graph/operators.ts'
import { sizeOf, type Tensor, type TensorType } from '../../graph/tensor.ts'
import { reshape } from './axes.ts'
import type { Given } from './rule.ts'

/**
 * ONNX Runtime's blocked layout: [N, C, H, W] stored as [N, C / block, H, W, block], with channels filled up with zeros to a multiple of the
 * block. Values keep their plain names; a value may have a blocked twin, and is put in the one layout or the other when somebody asks.
 */
export type Blocks = {
  readonly builder: GraphBuilder
  /** How many channels lie side by side. */
  readonly size: number
  /** The channels with those that fill up the last block. */
  padded(channels: number): number
  /** Notes the type of a value, or the value itself where that is constant. */
  learn(value: string, type: TensorType | Tensor): void
  typeOf(value: string): TensorType | undefined
  /** The numbers of a constant. */
  constantOf(value: string): readonly number[] | undefined
  /** Whether the value has a blocked twin already. */
  has(value: string): boolean
  /** The blocked twin of a value of four dimensions, made where it has none; channels must be a multiple of 4. */
  of(value: string): string
  /** Notes that a value has a blocked twin. */
  pair(value: string, blocked: string, dims: readonly number[]): void
  /** The plain twin of a blocked value. */
  plain(blocked: string, dims: readonly number[]): string
}

/** Writes an operator on blocked values; null where its inputs or attributes do not suit. */
export type BlockedRule<O extends OperatorName> = (
  blocks: Blocks,
  inputs: readonly string[],
  attributes: Given<O>,
  node: {
    /** What is known of the types of its outputs. */
    readonly types: readonly (TensorType | undefined)[]
    /** The attributes without defaults. */
    readonly stated: AttributesOf<O>
  },
) => readonly string[] | null

export function createBlocks(builder: GraphBuilder, size: number): Blocks {
  const types = new Map<string, TensorType | Tensor>()
  const twins = new Map<string, string>()
  const pair = (value: string, blocked: string, dims: readonly number[]) => {
    twins.set(value, blocked)
    types.set(value, { type: types.get(value)?.type ?? 'float32', dims })
  }
  return {
    builder,
    size,
    padded: (channels) => Math.ceil(channels / size) * size,
    learn: (value, type) => void types.set(value, type),
    typeOf: (value) => types.get(value),
    constantOf(value) {
      const type = types.get(value)
      return type && 'data' in type ? Array.from(type.data, Number) : undefined
    },
    has: (value) => twins.has(value),
    of(value) {
      const known = twins.get(value)
      if (known) return known
      const blocked = builder.op('com.microsoft.nchwc.ReorderInput', [value])
      twins.set(value, blocked)
      return blocked
    },
    pair,
    plain(blocked, dims) {
      const value = builder.op('com.microsoft.nchwc.ReorderOutput', [blocked], {
        channels: dims[1] as number,
      })
      pair(value, blocked, dims)
      return value
    },
  }
}

/** Whether a value is a float32 image, [N, C, H, W]. */
export function isImageType(blocks: Blocks, value: string): boolean {
  const type = blocks.typeOf(value)
  return type?.type === 'float32' && type.dims.length === 4
}

/** Whether a value is an image that can be put in blocks: the reordering takes channels in fours. */
export function isImage(blocks: Blocks, value: string): boolean {
  return isImageType(blocks, value) && (blocks.typeOf(value)?.dims[1] as number) % 4 === 0
}

/** Whether a value is one number for each channel of each image. */
export function isChannelVector(blocks: Blocks, value: string): boolean {
  return isImage(blocks, value) && sizeOf(blocks.typeOf(value)?.dims.slice(2) ?? []) === 1
}

/** Such a value in blocks, repeated over maps of a size. */
export function repeated(
  blocks: Blocks,
  value: string,
  [height = 1, width = 1]: readonly number[],
) {
  const twin = blocks.of(value)
  if (height * width === 1) return twin
  return blocks.builder.op('com.microsoft.nchwc.Upsample', [twin], {
    scales: [1, 1, height, width],
  })
}

export function isScalar(blocks: Blocks, value: string): boolean {
  const type = blocks.typeOf(value)
  return type !== undefined && sizeOf(type.dims) === 1
}

/** Zeros after the end of each axis; negative counts crop there. */
export function fill(builder: GraphBuilder, value: string, counts: readonly number[]): string {
  if (counts.every((count) => count === 0)) return value
  return builder.op('Pad', [value, builder.int64s([...counts.map(() => 0), ...counts])])
}

/**
 * A kernel [F, C, ...] with zeros for more filters and channels, or cropped to fewer. As a matrix, since padding is many times slower where the axes of a kernel of
 * one pixel come last.
 */
export function resizeKernel(
  builder: GraphBuilder,
  kernel: string,
  [filters, channels, ...spatial]: readonly [number, number, ...number[]],
  [rows, columns]: readonly [number, number],
): string {
  if (rows === filters && columns === channels) return kernel
  const taps = sizeOf(spatial)
  const matrix = reshape(builder, kernel, [filters, channels * taps])
  const resized = fill(builder, matrix, [rows - filters, (columns - channels) * taps])
  return reshape(builder, resized, [rows, columns, ...spatial])
}

/** A convolution of what is in blocks with a kernel as the operator takes it, to an image of dimensions `dims`. */
export function convolve(
  blocks: Blocks,
  [x, kernel, bias = '']: readonly [string, string, string?],
  attributes: AttributesOf<'com.microsoft.nchwc.Conv'>,
  dims: readonly number[],
): readonly [string] {
  const { builder, padded } = blocks
  const filters = dims[1] as number
  const inputs = [x, kernel]
  if (bias !== '') inputs.push(fill(builder, bias, [padded(filters) - filters]))
  return [blocks.plain(builder.op('com.microsoft.nchwc.Conv', inputs, attributes), dims)]
}
