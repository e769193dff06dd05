import { GraftError } from '../errors.ts'
import { betaQuantile } from './beta.ts'
import { normalQuantile } from './distributions.ts'
import { clamp, type Interval, outside } from './interval.ts'

/**
 * Score interval of a proportion (Wilson, 1927): the default for the accuracy on `n` test images, close to its nominal
 * coverage even for few images and for proportions near 0 or 1 (Brown, Cai and DasGupta, 2001).
 * Throws unless 0 <= successes <= n and n > 0.
 */
export function wilsonInterval(successes: number, n: number, confidence = 0.95): Interval {
  requireCounts(successes, n)
  const z = normalQuantile(1 - outside(confidence) / 2)
  const share = successes / n
  const centre = (share + (z * z) / (2 * n)) / (1 + (z * z) / n)
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share) + (z * z) / (4 * n)) / n)
  return {
    mean: share,
    low: successes === 0 ? 0 : clamp(centre - half, 0, share),
    high: successes === n ? 1 : clamp(centre + half, share, 1),
    confidence,
  }
}

/**
 * Exact interval of a proportion (Clopper and Pearson, 1934): it covers at least as often as it says, at the price of
 * being wider than Wilson's. Throws unless 0 <= successes <= n and n > 0.
 */
export function clopperPearson(successes: number, n: number, confidence = 0.95): Interval {
  requireCounts(successes, n)
  const tail = outside(confidence) / 2
  return {
    mean: successes / n,
    low: successes === 0 ? 0 : betaQuantile(tail, successes, n - successes + 1),
    high: successes === n ? 1 : betaQuantile(1 - tail, successes + 1, n - successes),
    confidence,
  }
}

function requireCounts(successes: number, n: number): void {
  if (!(n > 0 && successes >= 0 && successes <= n)) {
    throw new GraftError('internal', `${successes} of ${n} is not a proportion`)
  }
}
