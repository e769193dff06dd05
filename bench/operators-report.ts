/** A gradient, or an output, beside the true one. */
export type Comparison = {
  readonly value: string
  readonly error: number
  readonly own: number
  /** The error over PyTorch's own, which counts as at least half a unit in the last place. */
  readonly ratio: number
  readonly passed: boolean
}

export type Outcome =
  | { readonly kind: 'passed' | 'wrong' | 'other value'; readonly worst: Comparison }
  | {
      readonly kind: 'skipped' | 'not exportable' | 'does not run' | 'refused'
      readonly reason: string
    }

/** What became of one of PyTorch's samples. */
export type Checked = Outcome & {
  readonly operator: string
  readonly dtype: 'float32' | 'float64'
  readonly index: number
  readonly arguments: string
}

/** What is no number is worst. */
export const badness = ({ ratio }: Comparison) =>
  Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio

/** Prints counts, reasons and the worst cases of each precision. */
export function report(checked: readonly Checked[]): void {
  for (const dtype of ['float32', 'float64'] as const) {
    const own = checked.filter((sample) => sample.dtype === dtype)
    console.log(`\n${dtype}: ${summary(own)}`)
    for (const operator of new Set(own.map((sample) => sample.operator))) {
      console.log(`  ${operator}: ${summary(own.filter((s) => s.operator === operator))}`)
    }
    for (const kind of ['refused', 'does not run', 'not exportable', 'skipped'] as const) {
      const reasons = groupBy(
        own.flatMap((sample) => (sample.kind === kind ? [reasonOf(sample)] : [])),
        (reason) => reason,
      )
      if (reasons.size > 0) console.log(`${kind}:`)
      for (const [reason, all] of reasons) console.log(`  ${all.length} x ${reason}`)
    }
    const compared = own.flatMap((sample) => ('worst' in sample ? [sample] : []))
    for (const kind of ['other value', 'wrong', 'passed'] as const) {
      const worst = compared
        .filter((sample) => sample.kind === kind)
        .sort((a, b) => badness(b.worst) - badness(a.worst))
        .slice(0, 8)
      if (worst.length > 0) console.log(`${kind}, the worst:`)
      for (const { worst: found, ...sample } of worst) {
        const numbers = `${found.ratio.toFixed(1)} x (${found.error.toExponential(1)}, PyTorch ${found.own.toExponential(1)})`
        console.log(
          `  ${numbers} in ${found.value} of ${sample.operator} #${sample.index}: ${sample.arguments}`,
        )
      }
    }
  }
}

/** The reason without names of nodes, by which samples differ. */
function reasonOf({ operator, reason }: { operator: string; reason: string }): string {
  const general = reason.replace(/node "[^"]*"/g, 'node').replace(/Name:'[^']*'/g, '')
  return `${operator}: ${general.slice(0, 160)}`
}

function summary(checked: readonly Checked[]): string {
  const counts = groupBy(checked, ({ kind }) => kind)
  const parts = [...counts].map(([kind, all]) => `${all.length} ${kind}`)
  return `${checked.length} samples, ${parts.join(', ')}`
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    groups.set(key, [...(groups.get(key) ?? []), item])
  }
  return groups
}
