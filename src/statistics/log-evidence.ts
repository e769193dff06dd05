/**
 * LogME (You et al., 2021): the logarithm of the evidence of a Bayesian linear model of one target, by example and at its best prior and
 * noise variance; higher is better. The intercept is free (restricted likelihood), so the model explains n - 1 contrasts. With the ratio of prior
 * and noise variance given the best noise variance is known in closed form; what is left is one dimension, searched on a grid and then between
 * its points.
 *
 * @param values the eigenvalues of the Gram matrix of centred features, [n]
 * @param squares the squares of the centred target along each eigenvector, [n]
 */
export function logEvidence(values: readonly number[], squares: readonly number[]): number {
  const contrasts = values.length - 1
  const scale = values.reduce((sum, value) => sum + value, 0) / contrasts
  const ofRatio = (logRatio: number): number => {
    // Features that never change explain nothing, whatever their prior.
    const ratio = scale > 0 ? Math.exp(logRatio) / scale : 0
    let noise = 0
    let determinant = 0
    values.forEach((value, k) => {
      const share = 1 + ratio * value
      noise += (squares[k] as number) / share
      determinant += Math.log(share)
    })
    const variance = Math.max(noise / contrasts, Number.MIN_VALUE)
    return -0.5 * (Math.log(2 * Math.PI * variance) + determinant / contrasts + 1)
  }
  let best = -largest
  for (let logRatio = -largest; logRatio <= largest; logRatio++) {
    if (ofRatio(logRatio) > ofRatio(best)) best = logRatio
  }
  return ofRatio(maximum(ofRatio, best - 1, best + 1))
}

/** Prior variances of e^-20 to e^20 of the noise, for features of unit scale. */
const largest = 20

/** Golden-section search (Kiefer, 1953). */
function maximum(f: (x: number) => number, low: number, high: number): number {
  const golden = (Math.sqrt(5) - 1) / 2
  let [from, to] = [low, high]
  while (to - from > 1e-6) {
    const step = golden * (to - from)
    if (f(to - step) > f(from + step)) to = from + step
    else from = to - step
  }
  return (from + to) / 2
}
