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
  const average = (term: (value: number, column: number) => number) => {
    const sums = new Float64Array(columns)
    for (const row of rows) {
      for (let k = 0; k < columns; k++) {
        sums[k] = (sums[k] as number) + term(data[row * columns + k] as number, k)
      }
    }
    return sums.map((sum) => sum / rows.length)
  }
  const mean = average((value) => value)
  const variance = average((value, k) => (value - (mean[k] as number)) ** 2)
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
 * Features with zero mean, and unit variance each or on average, over the given rows.
 *
 * @param widths how many columns in a row have one scale, where it is a common one; default all
 */
export function standardize(
  features: Features,
  rows: readonly number[],
  scaling: Scaling = 'each',
  widths: readonly number[] = [features.columns],
): Features & { readonly moments: Moments } {
  const found = moments(features, rows, scaling, widths)
  const { columns } = features
  const data = features.data.map((value, index) => {
    const k = index % columns
    return (value - (found.mean[k] as number)) / (found.deviation[k] as number)
  })
  return { ...features, data, moments: found }
}
