import { GraftError } from '../errors.ts'

// Coefficients of Lanczos's approximation with g = 7 and nine terms (Godfrey, 2001); relative error near 1e-15.
const LANCZOS = [
  0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406,
  12.507343278686905, -0.13857109526572012, 0.000009984369578019572, 1.5056327351493116e-7,
] as const

/** Natural logarithm of the gamma function, for x >= 0.5 (all that the beta function of counts needs). */
export function logGamma(x: number): number {
  const z = x - 1
  const series = LANCZOS.reduce((total, c, i) => total + (i === 0 ? c : c / (z + i)), 0)
  const t = z + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series)
}

/**
 * Regularized incomplete beta function I_x(a, b), for x in [0, 1] and a, b >= 0.5: the probability that a Beta(a, b)
 * variable is at most x. Continued fraction DLMF 8.17.22, on the side of the mean where it converges fast.
 */
export function regularizedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  if (x > (a + 1) / (a + b + 2)) return 1 - regularizedBetaLower(1 - x, b, a)
  return regularizedBetaLower(x, a, b)
}

function regularizedBetaLower(x: number, a: number, b: number): number {
  const logBeta = logGamma(a) + logGamma(b) - logGamma(a + b)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta)
  return front / a / betaFraction(x, a, b)
}

/** 1 + d1/(1 + d2/(1 + ...)) by the modified method of Lentz (Thompson and Barnett, 1986). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300
  const nonzero = (value: number): number => (Math.abs(value) < tiny ? tiny : value)
  let value = 1
  let c = 1
  let d = 0
  for (let i = 1; i <= 20_000; i++) {
    const m = i >> 1
    const numerator =
      i % 2 === 0
        ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
        : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / nonzero(1 + numerator * d)
    c = nonzero(1 + numerator / c)
    value *= c * d
    if (Math.abs(c * d - 1) < 1e-15) return value
  }
  throw new GraftError(
    'internal',
    `the incomplete beta function did not converge at ${x}, ${a}, ${b}`,
  )
}

/** The x at which I_x(a, b) = p. */
export function betaQuantile(p: number, a: number, b: number): number {
  return invert((x) => regularizedBeta(x, a, b), p, 0, 1)
}

/** Where a rising function reaches `target` between `low` and `high`, by bisection to the last digits. */
export function invert(
  rising: (x: number) => number,
  target: number,
  low: number,
  high: number,
): number {
  for (let i = 0; i < 200; i++) {
    const middle = low + (high - low) / 2
    if (middle === low || middle === high) break
    if (rising(middle) < target) low = middle
    else high = middle
  }
  return low + (high - low) / 2
}
