import { GraftError } from '../errors.ts'

/** Class probabilities of n images, one row an image. */
export type Probabilities = readonly ArrayLike<number>[]

/** Recall and precision of one class; null where there is nothing to divide by. */
export type RecallPrecision = {
  /** Of the images of this class, the share that was found; null when there are none. */
  readonly recall: number | null
  /** Of the images that were called this class, the share that was; null when none were. */
  readonly precision: number | null
  /** Images of this class. */
  readonly n: number
}

/** Index of the largest value, the first of equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < values.length; i++) {
    if ((values[i] as number) > (values[best] as number)) best = i
  }
  return best
}

/**
 * Counts[true class][predicted class]. Throws when the lists differ in length or a class is not in
 * 0 ... `classes` - 1.
 */
export function confusionMatrix(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  classes: number,
): number[][] {
  requireSameLength(labels.length, predictions.length)
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  for (let i = 0; i < labels.length; i++) {
    const row = counts[labels[i] as number]
    const column = predictions[i] as number
    if (row?.[column] === undefined) {
      throw new GraftError('internal', `class ${labels[i]} or ${column} is not one of ${classes}`)
    }
    row[column] = (row[column] as number) + 1
  }
  return counts
}

/** Recall and precision of each class, from a confusion matrix. */
export function recallPrecision(confusion: readonly (readonly number[])[]): RecallPrecision[] {
  return confusion.map((row, c) => {
    const hits = row[c] as number
    const n = row.reduce((total, count) => total + count, 0)
    const called = confusion.reduce((total, other) => total + (other[c] as number), 0)
    return { recall: n > 0 ? hits / n : null, precision: called > 0 ? hits / called : null, n }
  })
}

/**
 * Mean negative log probability of the true class, in nats. A probability of zero counts as 2^-52 (as in scikit-learn),
 * so that one confident mistake does not make the loss infinite. Throws when there are no images.
 */
export function logLoss(probabilities: Probabilities, labels: ArrayLike<number>): number {
  requireSameLength(labels.length, probabilities.length)
  const total = probabilities.reduce((sum, row, i) => {
    const p = row[labels[i] as number]
    if (p === undefined) throw new GraftError('internal', `there is no class ${labels[i]}`)
    return sum - Math.log(Math.min(1, Math.max(Number.EPSILON, p)))
  }, 0)
  return total / requireImages(probabilities.length)
}

/**
 * Expected calibration error (Naeini et al., 2015; Guo et al., 2017): how far the probability of the predicted class is
 * from the share of correct predictions, averaged over `bins` equal ranges of it, weighted by their images. 0 is perfect.
 * Throws when there are no images.
 */
export function calibrationError(
  probabilities: Probabilities,
  labels: ArrayLike<number>,
  bins = 15,
): number {
  requireSameLength(labels.length, probabilities.length)
  // Right answers minus promised ones, per bin; dividing by the images of a bin and weighting by them cancel out.
  const gaps = new Array<number>(bins).fill(0)
  probabilities.forEach((row, i) => {
    const predicted = argmax(row)
    const confidence = row[predicted] as number
    // Bins are (low, high], as in the papers.
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1))
    gaps[bin] = (gaps[bin] as number) + (predicted === labels[i] ? 1 : 0) - confidence
  })
  const total = gaps.reduce((sum, gap) => sum + Math.abs(gap), 0)
  return total / requireImages(probabilities.length)
}

function requireSameLength(labels: number, predictions: number): void {
  if (labels !== predictions) {
    throw new GraftError('internal', `cannot score ${predictions} predictions by ${labels} labels`)
  }
}

function requireImages(n: number): number {
  if (n === 0) throw new GraftError('internal', 'cannot score a model without images')
  return n
}
