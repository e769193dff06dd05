import { createBuilder } from '../graph/builder.ts'
import { float32 } from '../graph/tensor.ts'
import type { Runtime } from '../runtime/session.ts'
import type { Features } from '../training/features.ts'
import { standardize } from './standardize.ts'

/** How alike some rows are: for each the rows that it is tied to, the ties scaled by the root of the sums of both. */
export type NeighbourGraph = {
  readonly count: number
  /** Where the ties of each row begin, [count + 1]. */
  readonly starts: Int32Array
  readonly rows: Int32Array
  readonly ties: Float32Array
}

const neighbours = 10
/** To which power a cosine is a tie: what is less alike counts for less. */
const sharpness = 3
/** What answers keep of those of the neighbours in each round, and how often they go round. */
const spread = 0.9
const rounds = 20
/** The rows that are compared with all others in one call. */
const block = 256

/**
 * Ties every row of some features to those that it has the largest cosine with, once each feature has zero mean and unit variance, in both directions.
 *
 * @param features at least two rows, in one view
 */
export async function* neighbourGraph(
  features: Features,
  runtime: Runtime,
): AsyncGenerator<{ readonly done: number; readonly total: number }, NeighbourGraph> {
  const { count, columns } = features
  const every = Array.from({ length: count }, (_, row) => row)
  const { data } = standardize(features, every)
  toUnitLength(data, columns)
  const nearest = Math.min(neighbours, count - 1)
  const builder = createBuilder('neighbours')
  const rows = builder.input('rows', 'float32', ['B', columns])
  const all = builder.input('all', 'float32', [count, columns])
  const cosines = builder.op('Gemm', [rows, all], { transB: 1 })
  // One more than is wanted: each row is most like itself.
  const wanted = builder.int64s([nearest + 1])
  for (const name of builder.ops('TopK', [cosines, wanted], { axis: 1 }, 2)) builder.output(name)
  const graph = builder.build()
  const [largest = '', where = ''] = graph.outputs.map(({ name }) => name)
  const session = await runtime.createSession(graph)
  const found = { to: new Int32Array(count * nearest), ties: new Float32Array(count * nearest) }
  try {
    for (let start = 0; start < count; start += block) {
      const end = Math.min(start + block, count)
      const part = data.subarray(start * columns, end * columns)
      const results = await session.run({
        rows: float32([end - start, columns], part),
        all: float32([count, columns], data),
      })
      const [values, indices] = [results[largest]?.data, results[where]?.data] as [
        Float32Array,
        BigInt64Array,
      ]
      for (let row = start; row < end; row++) {
        let place = row * nearest
        const first = (row - start) * (nearest + 1)
        for (let i = first; i <= first + nearest && place < (row + 1) * nearest; i++) {
          const other = Number(indices[i])
          if (other === row) continue
          found.to[place] = other
          found.ties[place++] = Math.max(values[i] as number, 0) ** sharpness
        }
      }
      yield { done: end, total: count }
    }
  } finally {
    await session.release()
  }
  return symmetric(count, nearest, found.to, found.ties)
}

function toUnitLength(data: Float32Array, columns: number): void {
  for (let start = 0; start < data.length; start += columns) {
    const row = data.subarray(start, start + columns)
    let squares = 0
    for (const value of row) squares += value * value
    const norm = Math.sqrt(squares) || 1
    for (let k = 0; k < columns; k++) row[k] = (row[k] as number) / norm
  }
}

/** All ties in both directions, by row, divided by the roots of the sums at both ends. */
function symmetric(
  count: number,
  each: number,
  to: Int32Array,
  ties: Float32Array,
): NeighbourGraph {
  const starts = new Int32Array(count + 1)
  const sums = new Float64Array(count)
  for (let i = 0; i < to.length; i++) {
    const [a, b, tie] = [Math.floor(i / each), to[i] as number, ties[i] as number]
    for (const end of [a, b]) {
      starts[end + 1] = (starts[end + 1] as number) + 1
      sums[end] = (sums[end] as number) + tie
    }
  }
  for (let row = 0; row < count; row++) {
    starts[row + 1] = (starts[row + 1] as number) + (starts[row] as number)
  }
  const next = starts.slice(0, count)
  const graph = {
    count,
    starts,
    rows: new Int32Array(2 * to.length),
    ties: new Float32Array(2 * to.length),
  }
  for (let i = 0; i < to.length; i++) {
    const [a, b] = [Math.floor(i / each), to[i] as number]
    const scale = Math.sqrt((sums[a] as number) * (sums[b] as number))
    const tie = scale > 0 ? (ties[i] as number) / scale : 0
    for (const [from, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const place = next[from] as number
      next[from] = place + 1
      graph.rows[place] = other
      graph.ties[place] = tie
    }
  }
  return graph
}

/**
 * Lets every row take most of its answer from its neighbours, again and again (label spreading; Zhou et al., 2003).
 *
 * @param answers what each row says of each class by itself, [count, classes]; not changed
 * @returns the same with what the neighbours say, each row summing to 1
 */
export function propagate(
  { count, starts, rows, ties }: NeighbourGraph,
  answers: Float32Array,
  classes: number,
): Float32Array {
  let now = Float32Array.from(answers)
  let next = new Float32Array(now.length)
  for (let round = 0; round < rounds; round++) {
    for (let row = 0; row < count; row++) {
      const [first, end] = [row * classes, starts[row + 1] as number]
      for (let c = 0; c < classes; c++) {
        next[first + c] = (1 - spread) * (answers[first + c] as number)
      }
      for (let i = starts[row] as number; i < end; i++) {
        const from = (rows[i] as number) * classes
        const tie = spread * (ties[i] as number)
        for (let c = 0; c < classes; c++) {
          next[first + c] = (next[first + c] as number) + tie * (now[from + c] as number)
        }
      }
    }
    ;[now, next] = [next, now]
  }
  return toSumOne(now, classes)
}

/** Divides each row of some answers by its sum, in place. */
export function toSumOne(answers: Float32Array, classes: number): Float32Array {
  for (let first = 0; first < answers.length; first += classes) {
    const row = answers.subarray(first, first + classes)
    const sum = row.reduce((a, b) => a + b, 0)
    if (sum > 0) for (let c = 0; c < classes; c++) row[c] = (row[c] as number) / sum
  }
  return answers
}
