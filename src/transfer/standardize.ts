import type { Features } from '../training/features.ts'

/**
 * By what centred features are divided: `each` by its own standard deviation, or all by a `common` one, the root of their mean variance. A
 * network's features at one depth lie on one scale, and those that hardly change are mostly noise, which `each` amplifies.
 */
export type Scaling = 'each' | 'common'

/** The mean of each feature over some rows, and by what it is divided. */
export type Moments = { readonly mean: Float64Array; readonly deviation: Float64Array }

function moments(
  { data, columns }: Features,
  rows: readonly number[],
  scaling: Scaling,
  widths: readonly number[],
): Moments {
  // Plain loops: a function for each of millions of values took most of the time of a fit.
  const mean = new Float64Array(columns)
  const variance = new Float64Array(columns)
  for (const row of rows) {
    const start = row * columns
    for (let k = 0; k < columns; k++) {
      mean[k] = (mean[k] as number) + (data[start + k] as number) / rows.length
    }
  }
  for (const row of rows) {
    const start = row * columns
    for (let k = 0; k < columns; k++) {
      const away = (data[start + k] as number) - (mean[k] as number)
      variance[k] = (variance[k] as number) + (away * away) / rows.length
    }
  }
  if (scaling === 'common') {
    let first = 0
    for (const width of widths) {
      const own = variance.subarray(first, first + width)
      const common = Math.sqrt(own.reduce((sum, value) => sum + value, 0) / width)
      own.fill(common > 0 ? common : 1)
      first += width
    }
    return { mean, deviation: variance }
  }
  const deviation = variance.map((value, k) => {
    const found = Math.sqrt(value)
    // A feature that changes by no more than float32 rounds says nothing: it is left near zero.
    return found > 1e-6 * Math.abs(mean[k] as number) ? found : 1
  })
  return { mean, deviation }
}

/**
 * Some rows of features, with zero mean, and unit variance each or on average, over themselves.
 *
 * @param widths how many columns in a row have one scale, where it is a common one; default all
 * @returns the rows in order, [rows.length, columns]
 */
export function standardize(
  features: Features,
  rows: readonly number[],
  scaling: Scaling = 'each',
  widths: readonly number[] = [features.columns],
): { readonly data: Float32Array; readonly moments: Moments } {
  const found = moments(features, rows, scaling, widths)
  const { mean, deviation } = found
  const { columns } = features
  const data = new Float32Array(rows.length * columns)
  rows.forEach((row, index) => {
    const [from, to] = [row * columns, index * columns]
    for (let k = 0; k < columns; k++) {
      const value = features.data[from + k] as number
      data[to + k] = (value - (mean[k] as number)) / (deviation[k] as number)
    }
  })
  return { data, moments: found }
}
