import type { GraphBuilder } from '../../graph/builder.ts'
import type { GradientOperator, Lower } from './index.ts'

/** A lowering that applies to some geometries only; null for the others. */
export type Partly<O extends GradientOperator> = (
  ...given: Parameters<Lower<O>>
) => readonly string[] | null

/** [N, C, H, W] in the blocked layout, channels filled up with zeros to a multiple of the block; C must be a multiple of 4. */
export function toBlocks(builder: GraphBuilder, value: string): string {
  return builder.op('com.microsoft.nchwc.ReorderInput', [value])
}

export function fromBlocks(builder: GraphBuilder, value: string, channels: number): string {
  return builder.op('com.microsoft.nchwc.ReorderOutput', [value], { channels })
}
