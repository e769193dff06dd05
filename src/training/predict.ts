import type { Tensor } from '../graph/tensor.ts'
import type { Random } from '../random.ts'
import type { Examples } from './examples.ts'
import type { Forward } from './forward.ts'

/** Network outputs, row after row. */
export type Outputs = {
  readonly data: Float32Array
  readonly rows: number
  readonly columns: number
}

/**
 * Runs a network over some examples, in batches of one size: the last batch is filled up, so that a graph compiled for that size
 * serves all of them. With a generator the examples are augmented.
 */
export async function* predict(
  forward: Forward,
  input: string,
  examples: Examples,
  indices: ArrayLike<number>,
  batchSize: number,
  parameters: ReadonlyMap<string, Tensor> = new Map(),
  random?: Random,
): AsyncGenerator<{ readonly done: number; readonly total: number }, Outputs> {
  const total = indices.length
  let data = new Float32Array(0)
  let columns = 0
  for (let start = 0; start < total; start += batchSize) {
    const rows = Array.from(
      { length: batchSize },
      (_, i) => indices[Math.min(start + i, total - 1)] as number,
    )
    const { data: values, dims } = await forward.run(
      { [input]: examples.batch(rows, random) },
      parameters,
    )
    columns = dims.slice(1).reduce((product, dim) => product * dim, 1)
    if (data.length === 0) data = new Float32Array(total * columns)
    const count = Math.min(batchSize, total - start)
    data.set((values as Float32Array).subarray(0, count * columns), start * columns)
    yield { done: start + count, total }
  }
  return { data, rows: total, columns }
}

/** The outputs of each example. */
export function rowsOf({ data, rows, columns }: Outputs): Float32Array[] {
  return Array.from({ length: rows }, (_, row) => data.subarray(row * columns, (row + 1) * columns))
}

/** Rows of logits as probabilities. */
export function softmax(outputs: Outputs): Float32Array[] {
  return rowsOf(outputs).map((logits) => {
    const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
    const exponentials = logits.map((logit) => Math.exp(logit - largest))
    const sum = exponentials.reduce((a, b) => a + b, 0)
    return exponentials.map((value) => value / sum)
  })
}
