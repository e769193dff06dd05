import { mean } from './summaries.ts'

/** By what logits are divided, from networks that are far too unsure to those that are far too sure: powers of the root of 2. */
export const temperatures: readonly number[] = Array.from(
  { length: 15 },
  (_, k) => 2 ** (k / 2 - 3),
)

/**
 * The mean log loss, in nats, of logits divided by each of `temperatures` (temperature scaling; Guo et al., 2017). How sure a network is says
 * nothing of how well it tells classes apart: at its best temperature each is measured by the latter.
 *
 * @param logits rows of one length
 * @param truth the class of every row
 */
export function lossesByTemperature(
  logits: readonly ArrayLike<number>[],
  truth: ArrayLike<number>,
): number[] {
  return temperatures.map((temperature) =>
    mean(logits.map((row, index) => crossEntropyOf(row, truth[index] as number, temperature))),
  )
}

function crossEntropyOf(logits: ArrayLike<number>, label: number, temperature: number): number {
  const scaled = Array.from(logits, (logit) => logit / temperature)
  const largest = Math.max(...scaled)
  const sum = scaled.reduce((total, value) => total + Math.exp(value - largest), 0)
  return largest + Math.log(sum) - (scaled[label] as number)
}

/**
 * The losses of some folds at the one temperature that is best for all of them.
 *
 * @param folds what `lossesByTemperature` says of each
 */
export function lossesAtBest(folds: readonly (readonly number[])[]): {
  readonly temperature: number
  readonly losses: readonly number[]
} {
  const all = temperatures.map((temperature, index) => {
    const losses = folds.map((fold) => fold[index] as number)
    return { temperature, losses, loss: mean(losses) }
  })
  return all.reduce((best, one) => (one.loss < best.loss ? one : best))
}
