import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import { logEvidence } from './log-evidence.ts'
import { mean, standardDeviation } from './summaries.ts'

export type LeaveOneOut = {
  /** The share of the variance of the targets that held-out predictions explain, 1 - PRESS / TSS; at most 1. */
  readonly explained: number
  /** What each example's held-out error takes away from the share explained, which is 1 minus their sum. */
  readonly losses: readonly number[]
  /** The share of examples whose held-out prediction is their class. */
  readonly accuracy: number
  /** The ridge penalty, relative to the mean eigenvalue of the Gram matrix, that did best. */
  readonly penalty: number
  /** LogME: the log evidence of a Bayesian linear model, by example and averaged over the classes that occur; higher is better. */
  readonly evidence: number
}

/** Relative penalties that are tried. */
const penalties = [1e-3, 1e-2, 1e-1, 1, 10] as const

/**
 * How well features tell classes apart: ridge regression onto one-against-rest targets, every example predicted by
 * the fit to all others. The predictions need no refitting: with hat matrix H they are y - (y - Hy) / (1 - diag H) (PRESS; Allen, 1974).
 * One eigendecomposition of the centred Gram matrix serves all penalties.
 *
 * Features of which one is not finite explain nothing: `explained` and `evidence` are -Infinity.
 *
 * @param features rows of standardized features, [n, d]
 * @param labels the class of every row
 */
export function leaveOneOutScore(
  features: readonly ArrayLike<number>[],
  labels: ArrayLike<number>,
  classes: number,
): LeaveOneOut {
  const n = features.length
  if (features.some((row) => Array.from(row).some((value) => !Number.isFinite(value)))) {
    const nothing = Number.NEGATIVE_INFINITY
    const losses = Array(n).fill(Number.POSITIVE_INFINITY)
    return { explained: nothing, losses, accuracy: 0, penalty: penalties[0], evidence: nothing }
  }
  const { vectors, values } = gramEigen(features)
  const targets = Matrix.zeros(n, classes)
  for (let row = 0; row < n; row++) targets.set(row, labels[row] as number, 1)
  const centred = targets.clone().center('column')
  const total = centred.clone().pow(2).sum()
  const projected = vectors.transpose().mmul(centred)
  const level = mean(values)
  const present = [...new Set(Array.from(labels))]
  const evidence = mean(
    present.map((k) =>
      logEvidence(
        values,
        projected.getColumn(k).map((value) => value ** 2),
      ),
    ),
  )

  let best: LeaveOneOut = {
    explained: Number.NEGATIVE_INFINITY,
    losses: [],
    accuracy: 0,
    penalty: penalties[0],
    evidence,
  }
  for (const penalty of penalties) {
    // Features that never change leave nothing to shrink.
    const shrink = values.map((value) => (level > 0 ? value / (value + penalty * level) : 0))
    const fitted = vectors.mmul(Matrix.diag(shrink).mmul(projected))
    const losses: number[] = []
    let right = 0
    for (let row = 0; row < n; row++) {
      let leverage = 1 / n
      for (let k = 0; k < n; k++) leverage += vectors.get(row, k) ** 2 * (shrink[k] as number)
      const scale = 1 / Math.max(1 - leverage, 1e-9)
      let press = 0
      let top = 0
      let topValue = Number.NEGATIVE_INFINITY
      for (let k = 0; k < classes; k++) {
        const residual = (centred.get(row, k) - fitted.get(row, k)) * scale
        press += residual ** 2
        const prediction = targets.get(row, k) - residual
        if (prediction > topValue) [top, topValue] = [k, prediction]
      }
      losses.push(press / Math.max(total, 1e-12))
      if (top === labels[row]) right++
    }
    const explained = 1 - losses.reduce((a, b) => a + b, 0)
    if (explained > best.explained)
      best = { explained, losses, accuracy: right / n, penalty, evidence }
  }
  return best
}

/** Whether features that explain less than others do so by no more than two standard errors of the paired difference. */
export function withinNoise(
  { losses }: Pick<LeaveOneOut, 'losses'>,
  best: Pick<LeaveOneOut, 'losses'>,
): boolean {
  const differences = losses.map((loss, row) => loss - (best.losses[row] as number))
  const total = differences.reduce((a, b) => a + b, 0)
  if (!Number.isFinite(total)) return false
  return total <= 2 * standardDeviation(differences) * Math.sqrt(differences.length)
}

function gramEigen(features: readonly ArrayLike<number>[]) {
  const n = features.length
  const centred = new Matrix(features.map((row) => Array.from(row))).center('column')
  const gram = centred.mmul(centred.transpose())
  const { eigenvectorMatrix, realEigenvalues } = new EigenvalueDecomposition(gram, {
    assumeSymmetric: true,
  })
  return {
    vectors: eigenvectorMatrix,
    values: realEigenvalues.map((value) => Math.max(value, 0)),
    n,
  }
}
