/** A weight for each class that makes classes count alike however many examples they have; the mean over the examples is 1. */
export function balancedWeights(labels: ArrayLike<number>, classes: number): number[] {
  const counts = Array<number>(classes).fill(0)
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number
    counts[label] = (counts[label] as number) + 1
  }
  const present = counts.filter((count) => count > 0).length
  return counts.map((count) => labels.length / (Math.max(present, 1) * Math.max(count, 1)))
}
