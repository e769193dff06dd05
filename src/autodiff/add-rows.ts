import type { OperatorName } from '../graph/operators.ts'
import { elementTypes, int64 } from '../graph/tensor.ts'
import { type TypedWriting, typedConstant, typedOp } from './typed-op.ts'

export type Rows = {
  /** The rows, [count, width]. */
  readonly rows: string
  readonly count: number
  readonly width: number
  /** A scalar of zero, of the same element type. */
  readonly zero: string
}

/** For each of so many places, which entries of a list name it; what lies outside takes nothing. */
export function takersOf(places: readonly number[], count: number): readonly number[][] {
  const takers: number[][] = Array.from({ length: count }, () => [])
  places.forEach((place, entry) => {
    takers[place]?.push(entry)
  })
  return takers
}

/**
 * Adds rows up: row i goes to row index[i] of the result, [size, width]. ONNX Runtime's ScatterND adds on several threads at once and loses what two of them add to
 * the same row; its ScatterElements takes one number after the other. So where the index is known, every row of the result picks what belongs to it.
 *
 * @param index known numbers, or an int32 or int64 vector that is computed; negative ones count from the end
 */
export function addRows(
  write: TypedWriting,
  { rows, count, width, zero }: Rows,
  index: readonly number[] | string,
  size: number,
): string {
  const { builder, known } = write
  const type = known.get(rows)?.type
  const op = (
    operator: OperatorName,
    inputs: readonly string[],
    dims: readonly number[],
    attributes = {},
  ) => typedOp(write, operator, inputs, dims, attributes, type)
  const zerosOf = (dims: readonly number[]) => op('Expand', [zero, builder.int64s(dims)], dims)
  if (typeof index !== 'string') {
    const takers = takersOf(
      index.map((row) => (row < 0 ? row + size : row)),
      size,
    )
    const most = takers.reduce((largest, list) => Math.max(largest, list.length), 1)
    // Where a few rows take nearly all, the others would pick nothing many times over.
    if (most * size <= 4 * (count + size)) {
      const isFull = takers.every((list) => list.length === most)
      const source = isFull
        ? rows
        : op('Concat', [rows, zerosOf([1, width])], [count + 1, width], { axis: 0 })
      const picks = takers.flatMap((list) =>
        Array.from({ length: most }, (_, turn) => list[turn] ?? count),
      )
      const from = typedConstant(write, int64([picks.length], picks))
      const picked = op('Gather', [source, from], [picks.length, width], { axis: 0 })
      if (most === 1) return picked
      const shape = [size, most, width]
      const turns = op('Reshape', [picked, builder.int64s(shape)], shape)
      return op('ReduceSum', [turns, builder.int64s([1])], [size, width], { keepdims: 0 })
    }
  }
  const column =
    typeof index === 'string'
      ? builder.op('Cast', [index], { to: elementTypes.int64.code })
      : builder.int64s(index)
  const places = builder.op('Expand', [
    builder.op('Reshape', [column, builder.int64s([count, 1])]),
    builder.int64s([count, width]),
  ])
  known.set(places, { type: 'int64', dims: [count, width] })
  return op('ScatterElements', [zerosOf([size, width]), places, rows], [size, width], {
    axis: 0,
    reduction: 'add',
  })
}
