import { lossesByTemperature } from '../statistics/temperature.ts'
import { scoreOf } from './loop.ts'
import { type Outputs, rowsOf, softmax } from './predict.ts'

/** Accuracy and log loss of logits against the true classes, and the loss at each of `temperatures`. */
export function scoreLogits(logits: Outputs, truth: readonly number[]) {
  return { ...scoreOf(softmax(logits), truth), scaled: lossesByTemperature(rowsOf(logits), truth) }
}
