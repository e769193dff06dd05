import { GraftError } from '../errors.ts'
import { invert, regularizedBeta } from './beta.ts'

type Rational = { readonly top: readonly number[]; readonly bottom: readonly number[] }

// Algorithm AS 241, PPND16 (Wichura, Applied Statistics 37, 1988), lowest power first.
const CENTRE: Rational = {
  top: [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946,
    45921.95393154987, 67265.7709270087, 33430.57558358813, 2509.0809287301227,
  ],
  bottom: [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597,
    39307.89580009271, 28729.085735721943, 5226.495278852854,
  ],
}
const SHOULDER: Rational = {
  top: [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045,
    1.2704582524523684, 0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  bottom: [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008,
    0.015198666563616457, 0.0005475938084995345, 1.0507500716444169e-9,
  ],
}
const TAIL: Rational = {
  top: [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487,
    0.026532189526576124, 0.0012426609473880784, 0.000027115555687434876, 2.0103343992922881e-7,
  ],
  bottom: [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
    0.000018463183175100548, 1.421511758316446e-7, 2.0442631033899397e-15,
  ],
}

/** The z below which a standard normal variable lies with probability `p`, for p in (0, 1). Relative error near 1e-16. */
export function normalQuantile(p: number): number {
  requireProbability(p)
  const q = p - 0.5
  if (Math.abs(q) <= 0.425) return q * ratio(CENTRE, 0.180625 - q * q)
  const r = Math.sqrt(-Math.log(Math.min(p, 1 - p)))
  const size = r <= 5 ? ratio(SHOULDER, r - 1.6) : ratio(TAIL, r - 5)
  return q < 0 ? -size : size
}

/** Probability that Student's t with `df` >= 1 degrees of freedom is at most `t`. */
export function studentCdf(t: number, df: number): number {
  if (!(df >= 1)) {
    throw new GraftError('internal', `Student's t needs at least 1 degree of freedom, not ${df}`)
  }
  if (Number.isNaN(t)) return Number.NaN
  if (!Number.isFinite(t)) return t > 0 ? 1 : 0
  const square = t * t
  // Each form keeps its digits on its own side: the first near the centre, the second in the tails.
  if (square < df) {
    return 0.5 + (Math.sign(t) * regularizedBeta(square / (df + square), 0.5, df / 2)) / 2
  }
  const tail = regularizedBeta(df / (df + square), df / 2, 0.5) / 2
  return t > 0 ? 1 - tail : tail
}

/** The t below which Student's t with `df` >= 1 degrees of freedom lies with probability `p`, for p in (0, 1). */
export function studentQuantile(p: number, df: number): number {
  requireProbability(p)
  if (p === 0.5) return 0
  if (p > 0.5) return -studentQuantile(1 - p, df)
  let low = -1
  while (studentCdf(low, df) > p) low *= 2
  return invert((t) => studentCdf(t, df), p, low, 0)
}

function ratio({ top, bottom }: Rational, x: number): number {
  const polynomial = (terms: readonly number[]) =>
    terms.reduceRight((value, term) => value * x + term, 0)
  return polynomial(top) / polynomial(bottom)
}

function requireProbability(p: number): void {
  if (!(p > 0 && p < 1)) {
    throw new GraftError('internal', `a quantile needs a probability between 0 and 1, not ${p}`)
  }
}
