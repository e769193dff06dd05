import { mapEvents } from '../events.ts'
import type { Graph } from '../graph/graph.ts'
import type { Random } from '../random.ts'
import type { Runtime } from '../runtime/session.ts'
import { arrayExamples, type Examples } from './examples.ts'
import { compileForward } from './forward.ts'
import { predict } from './predict.ts'

/** Activations at a cut, computed once, row after row: first all examples as they are, then one block for each further view. */
export type Features = {
  readonly data: Float32Array
  /** Examples, not rows. */
  readonly count: number
  readonly columns: number
}

const batchSize = 32

export type FeatureOptions = {
  /** The examples wanted; default all. */
  readonly indices?: readonly number[]
  /** Further looks at every example, each augmented anew. */
  readonly views?: { readonly count: number; readonly random: Random }
}

/**
 * Runs a frozen network once over the examples and their views: everything that is trained on top of it afterwards starts from here.
 */
export async function* computeFeatures(
  graph: Graph,
  examples: Examples,
  runtime: Runtime,
  {
    indices = Array.from({ length: examples.count }, (_, index) => index),
    views,
  }: FeatureOptions = {},
): AsyncGenerator<{ readonly done: number; readonly total: number }, Features> {
  const forward = await compileForward(graph, [], runtime)
  const count = indices.length
  const blocks = 1 + (views?.count ?? 0)
  try {
    const input = graph.inputs[0]?.name as string
    const size = Math.min(batchSize, count)
    let data = new Float32Array(0)
    let columns = 0
    for (let view = 0; view < blocks; view++) {
      const random = view === 0 ? undefined : views?.random.fork(view)
      const outputs = yield* mapEvents(
        predict(forward, input, examples, indices, size, new Map(), random),
        ({ done }) => ({ done: view * count + done, total: blocks * count }),
      )
      columns = outputs.columns
      if (view === 0) data = new Float32Array(blocks * count * columns)
      data.set(outputs.data, view * count * columns)
    }
    return { data, count, columns }
  } finally {
    await forward.release()
  }
}

/** The rows of some examples in every view. */
export function rowsInViews({ data, count, columns }: Features, rows: readonly number[]): number[] {
  const views = data.length / (count * columns)
  return Array.from({ length: views }, (_, view) => rows.map((row) => view * count + row)).flat()
}

/** Some columns of features, one after the other. */
export function columnsOf(
  { data, count, columns }: Features,
  first: number,
  width: number,
): Features {
  const rows = data.length / columns
  const part = new Float32Array(rows * width)
  for (let row = 0; row < rows; row++) {
    const start = row * columns + first
    part.set(data.subarray(start, start + width), row * width)
  }
  return { data: part, count, columns: width }
}

/**
 * Cached activations as examples: as they are, or where there is a generator, in a view drawn anew each time.
 *
 * @param dims the dimensions of one activation
 */
export function viewExamples(
  { data, count, columns }: Features,
  dims: readonly number[],
): Examples {
  const rows = arrayExamples(data, dims)
  const views = data.length / (count * columns)
  return {
    ...rows,
    count,
    batch: (indices, random) =>
      rows.batch(
        random ? Array.from(indices, (index) => random.integer(views) * count + index) : indices,
      ),
  }
}
