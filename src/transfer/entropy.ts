import type { Graph } from '../graph/graph.ts'
import type { Runtime } from '../runtime/session.ts'
import type { Examples } from '../training/examples.ts'
import { computeFeatures } from '../training/features.ts'
import { softmax } from '../training/predict.ts'

/** What a classifier says of some examples, in nats. */
export type Entropies = {
  /** The mean entropy of what it says of each: how unsure it is. */
  readonly each: number
  /** How much what it says depends on the example: the entropy of its mean, less the mean entropy (mutual information). */
  readonly information: number
}

/** The entropies of a classifier, whose output is scores or probabilities. */
export async function* entropiesOf(
  network: Graph,
  examples: Examples,
  indices: readonly number[],
  runtime: Runtime,
): AsyncGenerator<{ readonly done: number; readonly total: number }, Entropies> {
  const { data, columns } = yield* computeFeatures(network, examples, runtime, { indices })
  const rows = indices.length
  const raw = Array.from({ length: rows }, (_, row) =>
    data.subarray(row * columns, (row + 1) * columns),
  )
  const said = raw.every(isDistribution) ? raw : softmax({ data, rows, columns })
  const each = said.reduce((sum, row) => sum + entropy(row), 0) / rows
  const mean = new Float32Array(columns)
  for (const row of said) {
    row.forEach((p, k) => {
      mean[k] = (mean[k] as number) + p / rows
    })
  }
  return { each, information: entropy(mean) - each }
}

function isDistribution(row: Float32Array): boolean {
  const sum = row.reduce((a, b) => a + b, 0)
  return Math.abs(sum - 1) < 1e-3 && row.every((value) => value >= 0)
}

function entropy(probabilities: Float32Array): number {
  return probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0)
}
