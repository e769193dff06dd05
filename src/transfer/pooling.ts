import type { GraphBuilder } from '../graph/builder.ts'
import { elementTypes, type TensorType } from '../graph/tensor.ts'

/** How a value becomes one vector of features for each image. */
export type Pooling = {
  readonly features: number
  /** Appends it to a graph that computes the value; returns float32 [N, features]. */
  write(builder: GraphBuilder): string
}

/** Larger maps are told by their maxima too: what early layers find is in few places. */
const largestMeanMap = 64

/**
 * Maps are averaged over their pixels, tokens over their places. Large maps give their maxima beside their means, and tokens the first one
 * beside their mean where the others are a square, which makes it a class token (Dosovitskiy et al., 2021).
 *
 * @param channels the axis of the channels of a map
 * @param plain without the maxima: the features that a classifier was trained on
 * @returns null where the value is neither a vector, a map nor tokens
 */
export function poolingOf(
  value: string,
  { type, dims }: TensorType,
  channels: 1 | 3,
  plain = false,
): Pooling | null {
  const rank = dims.length
  if (!type.startsWith('float') || rank < 2 || rank > 4) return null
  const axis = rank === 4 ? channels : rank - 1
  const size = dims[axis] as number
  const places = dims.slice(1).reduce((product, dim) => product * dim, 1) / size
  const others = dims.flatMap((_, index) => (index === 0 || index === axis ? [] : [index]))
  const parts: readonly Part[] =
    rank === 2
      ? ['vector']
      : rank === 3 && isSquare(places - 1)
        ? ['first', 'mean']
        : rank === 4 && places > largestMeanMap && !plain
          ? ['mean', 'max']
          : ['mean']
  return {
    features: size * parts.length,
    write(builder) {
      const cast =
        type === 'float32' ? value : builder.op('Cast', [value], { to: elementTypes.float32.code })
      const written = parts.map((part) => writers[part](builder, cast, others))
      return written.length === 1
        ? (written[0] as string)
        : builder.op('Concat', written, { axis: 1 })
    },
  }
}

const writers = {
  vector: (_, value) => value,
  mean: (builder, value, axes) =>
    builder.op('ReduceMean', [value, builder.int64s(axes)], { keepdims: 0 }),
  max: (builder, value, axes) =>
    builder.op('ReduceMax', [value, builder.int64s(axes)], { keepdims: 0 }),
  first: (builder, value) => builder.op('Gather', [value, builder.scalar(0, 'int64')], { axis: 1 }),
} satisfies Record<
  string,
  (builder: GraphBuilder, value: string, axes: readonly number[]) => string
>

type Part = keyof typeof writers

const isSquare = (count: number) => count > 1 && Number.isInteger(Math.sqrt(count))
