import fc from 'fast-check'
import { float32, int64, sizeOf, type Tensor } from '../src/graph/tensor.ts'
import { createRandom, type Random } from '../src/random.ts'

/** Draws the pieces of one random case; fast-check shrinks what it drew. */
export type Draw = {
  integer(least: number, most: number): number
  /** As many integers as asked for. */
  integers(count: number, least: number, most: number): number[]
  one<T>(...choices: readonly T[]): T
  boolean(): boolean
  /** Dimensions, each from 1 to 4 unless said otherwise. */
  dims(leastRank: number, mostRank: number, largest?: number): number[]
  /** Dimensions that broadcast to the given ones: fewer, or some of them 1. */
  broadcastable(dims: readonly number[]): number[]
  /** An independent source of values. */
  random(): Random
  /** Values of a standard normal distribution. */
  normal(dims: readonly number[]): Tensor
  /** Values from `least` to `most`. */
  between(dims: readonly number[], least: number, most: number): Tensor
  /** Values of both signs, from 0.2 to 2 away from zero. */
  awayFromZero(dims: readonly number[]): Tensor
  /** Values at least 0.2 apart, none within 0.1 of zero, in random order. */
  distinct(dims: readonly number[]): Tensor
  /** Integers below a bound. */
  indices(dims: readonly number[], bound: number): Tensor
}

/** The same values in double precision. */
export function double({ dims, data }: Tensor): Tensor {
  return { type: 'float64', dims, data: Float64Array.from(data as Float32Array) }
}

/** A source of random cases for fast-check properties. */
export const draws: fc.Arbitrary<Draw> = fc.gen().map((gen) => {
  const integer = (min: number, max: number) => gen(fc.integer, { min, max })
  const integers = (count: number, min: number, max: number) =>
    Array.from({ length: count }, () => integer(min, max))
  const random = () => createRandom(gen(fc.nat))
  const fill = (dims: readonly number[], value: (random: Random) => number) => {
    const source = random()
    return float32(
      dims,
      Array.from({ length: sizeOf(dims) }, () => value(source)),
    )
  }
  return {
    [fc.toStringMethod]: () => 'values drawn from the seed above',
    integer,
    integers,
    one: (...choices) => choices[integer(0, choices.length - 1)] as (typeof choices)[number],
    boolean: () => gen(fc.boolean),
    dims: (least, most, largest = 4) => integers(integer(least, most), 1, largest),
    broadcastable: (dims) =>
      dims.slice(integer(0, dims.length)).map((dim) => (gen(fc.boolean) ? dim : 1)),
    random,
    normal: (dims) => fill(dims, (source) => source.normal()),
    between: (dims, least, most) =>
      fill(dims, (source) => least + (most - least) * source.uniform()),
    awayFromZero: (dims) =>
      fill(dims, (source) => (source.integer(2) * 2 - 1) * (0.2 + 1.8 * source.uniform())),
    distinct: (dims) => {
      const size = sizeOf(dims)
      const ranks = Array.from({ length: size }, (_, i) => i - Math.floor(size / 2))
      return float32(
        dims,
        random()
          .shuffle(ranks)
          .map((rank) => 0.2 * rank + 0.1),
      )
    },
    indices: (dims, bound) => {
      const source = random()
      return int64(
        dims,
        Array.from({ length: sizeOf(dims) }, () => source.integer(bound)),
      )
    },
  }
})
