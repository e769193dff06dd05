import type { GraphBuilder } from '../../graph/builder.ts'

/** Shorthands that the lowerings share. */
export function reshape(builder: GraphBuilder, value: string, dims: readonly number[]): string {
  return builder.op('Reshape', [value, builder.int64s(dims)])
}

/** Pads (or, with negative counts, crops) the spatial axes of a tensor that has two axes before them. */
export function padSpatial(
  builder: GraphBuilder,
  value: string,
  before: readonly number[],
  after: readonly number[],
): string {
  if ([...before, ...after].every((count) => count === 0)) return value
  return builder.op('Pad', [value, builder.int64s([0, 0, ...before, 0, 0, ...after])])
}

/** A kernel turned around along its spatial axes (all after the first two). */
export function flipSpatial(
  builder: GraphBuilder,
  kernel: string,
  sizes: readonly number[],
): string {
  const axes = sizes.flatMap((size, axis) => (size > 1 ? [axis + 2] : []))
  if (axes.length === 0) return kernel
  const all = (value: number) => builder.int64s(axes.map(() => value))
  return builder.op('Slice', [kernel, all(-1), all(-(2 ** 62)), builder.int64s(axes), all(-1)])
}

export const product = (values: readonly number[]) =>
  values.reduce((total, value) => total * value, 1)
