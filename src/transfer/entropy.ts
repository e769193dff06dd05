import type { Graph } from '../graph/graph.ts'
import type { Runtime } from '../runtime/session.ts'
import type { Examples } from '../training/examples.ts'
import { computeFeatures } from '../training/features.ts'
import { softmax } from '../training/predict.ts'

/** What a classifier says of some examples, in nats. */
export type Entropies = {
  /** The mean entropy of what it says of each: how unsure it is. */
  readonly each: number
  /**
   * How much what it says depends on the example: the entropy of its mean, less the mean entropy (mutual information). Measured at the
   * temperature at which the mean entropy is half of the largest possible: pixels that are far too large make every answer sure, and
   * that alone must not count.
   */
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
  const isSaid = raw.every(isDistribution)
  const scores = isSaid ? data.map((p) => Math.log(Math.max(p, leastProbability))) : data
  const at = (temperature: number) =>
    softmax({ data: scores.map((score) => score / temperature), rows, columns })
  return {
    each: meanEntropy(isSaid ? raw : at(1)),
    information: informationIn(at(temperatureFor(Math.log(columns) / 2, at))),
  }
}

/** What a probability of zero in float32 may have been. */
const leastProbability = 1e-38

/** The temperature, by bisection, at which what a classifier says has this mean entropy; one end of the range where none has. */
function temperatureFor(wanted: number, at: (temperature: number) => Float32Array[]): number {
  let [low, high] = [1e-4, 1e6]
  for (let halvings = 0; halvings < 40; halvings++) {
    const middle = Math.sqrt(low * high)
    if (meanEntropy(at(middle)) > wanted) high = middle
    else low = middle
  }
  return low
}

function informationIn(said: readonly Float32Array[]): number {
  const mean = new Float32Array(said[0]?.length ?? 0)
  for (const row of said) {
    row.forEach((p, k) => {
      mean[k] = (mean[k] as number) + p / said.length
    })
  }
  return entropy(mean) - meanEntropy(said)
}

function meanEntropy(said: readonly Float32Array[]): number {
  return said.reduce((sum, row) => sum + entropy(row), 0) / said.length
}

function isDistribution(row: Float32Array): boolean {
  const sum = row.reduce((a, b) => a + b, 0)
  return Math.abs(sum - 1) < 1e-3 && row.every((value) => value >= 0)
}

function entropy(probabilities: Float32Array): number {
  return probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0)
}
