import type { Graph } from '../graph/graph.ts'
import type { Runtime } from '../runtime/session.ts'
import type { Examples } from './examples.ts'
import { compileForward } from './forward.ts'
import { predict } from './predict.ts'

/** Activations at a cut, computed once, row after row. */
export type Features = {
  readonly data: Float32Array
  readonly count: number
  readonly columns: number
}

const batchSize = 32

/**
 * Runs a frozen network once over all examples, or over those at `indices`: everything that is trained on top of it afterwards starts
 * from here.
 */
export async function* computeFeatures(
  graph: Graph,
  examples: Examples,
  runtime: Runtime,
  indices: readonly number[] = Array.from({ length: examples.count }, (_, index) => index),
): AsyncGenerator<{ readonly done: number; readonly total: number }, Features> {
  const forward = await compileForward(graph, [], runtime)
  try {
    const input = graph.inputs[0]?.name as string
    const size = Math.min(batchSize, indices.length)
    const { data, columns } = yield* predict(forward, input, examples, indices, size)
    return { data, count: indices.length, columns }
  } finally {
    await forward.release()
  }
}
