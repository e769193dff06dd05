import type { Graph } from '../graph/graph.ts'
import type { Runtime } from '../runtime/session.ts'
import type { Examples } from '../training/examples.ts'
import { computeFeatures } from '../training/features.ts'
import { softmax } from '../training/predict.ts'

/** The mean entropy, in nats, of what a classifier says of some examples; its output is scores or probabilities. */
export async function* meanEntropy(
  network: Graph,
  examples: Examples,
  indices: readonly number[],
  runtime: Runtime,
): AsyncGenerator<{ readonly done: number; readonly total: number }, number> {
  const { data, columns } = yield* computeFeatures(network, examples, runtime, { indices })
  const rows = indices.length
  const raw = Array.from({ length: rows }, (_, row) =>
    data.subarray(row * columns, (row + 1) * columns),
  )
  const said = raw.every(isDistribution) ? raw : softmax({ data, rows, columns })
  return said.reduce((sum, row) => sum + entropy(row), 0) / rows
}

function isDistribution(row: Float32Array): boolean {
  const sum = row.reduce((a, b) => a + b, 0)
  return Math.abs(sum - 1) < 1e-3 && row.every((value) => value >= 0)
}

function entropy(probabilities: Float32Array): number {
  return probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0)
}
