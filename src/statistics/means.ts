import { studentQuantile } from './distributions.ts'
import { clamp, type Interval, outside } from './interval.ts'
import { wilsonInterval } from './proportions.ts'
import { mean, variance } from './summaries.ts'

/**
 * Student's t interval of the mean of independent values. One value says nothing of its spread: its interval reaches
 * from -Infinity to Infinity. Throws when there are no values.
 */
export function meanInterval(values: readonly number[], confidence = 0.95): Interval {
  return resampledInterval(values, 0, confidence)
}

/**
 * Corrected resampled t interval of the mean of the scores of folds (Nadeau and Bengio, "Inference for the
 * generalization error", Machine Learning 52, 2003). Folds share training data, so their scores vary together and a
 * plain t interval is too narrow; here the variance of the mean is the sample variance times
 * (1 / n + `testToTrain`), where `testToTrain` is the number of test examples over that of training examples in one
 * fold: 1 / (k - 1) in k-fold cross-validation, repeated or not. One score gives -Infinity to Infinity.
 */
export function correctedResampledInterval(
  scores: readonly number[],
  { testToTrain, confidence = 0.95 }: { testToTrain: number; confidence?: number },
): Interval {
  return resampledInterval(scores, testToTrain, confidence)
}

/**
 * Interval of the accuracy found by cross-validation, inside [0, 1]: the corrected resampled t interval, widened where
 * needed to hold Wilson's interval for the `scored` images, each counted once. Three folds that are all 100 % right have
 * no spread, but twelve images are still only twelve images.
 */
export function accuracyInterval(
  accuracies: readonly number[],
  {
    testToTrain,
    scored,
    confidence = 0.95,
  }: { testToTrain: number; scored: number; confidence?: number },
): Interval {
  const folds = correctedResampledInterval(accuracies, { testToTrain, confidence })
  const images = wilsonInterval(clamp(folds.mean, 0, 1) * scored, scored, confidence)
  return {
    mean: folds.mean,
    low: clamp(Math.min(folds.low, images.low), 0, 1),
    high: clamp(Math.max(folds.high, images.high), 0, 1),
    confidence,
  }
}

function resampledInterval(
  values: readonly number[],
  testToTrain: number,
  confidence: number,
): Interval {
  const tail = outside(confidence) / 2
  const centre = mean(values)
  const n = values.length
  const half =
    n < 2
      ? Number.POSITIVE_INFINITY
      : studentQuantile(1 - tail, n - 1) * Math.sqrt(variance(values) * (1 / n + testToTrain))
  return { mean: centre, low: centre - half, high: centre + half, confidence }
}
