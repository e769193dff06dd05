import { expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { finish } from '../events.ts'
import { createRandom } from '../random.ts'
import type { Features } from '../training/features.ts'
import { type NeighbourGraph, neighbourGraph, propagate } from './label-propagation.ts'

const featuresOf = (rows: readonly (readonly number[])[]): Features => ({
  data: Float32Array.from(rows.flat()),
  count: rows.length,
  columns: rows[0]?.length as number,
})

/** The tie of each pair of rows. */
function dense({ count, starts, rows, ties }: NeighbourGraph): number[][] {
  const all = Array.from({ length: count }, () => Array<number>(count).fill(0))
  for (let row = 0; row < count; row++) {
    for (let i = starts[row] as number; i < (starts[row + 1] as number); i++) {
      const other = rows[i] as number
      const own = all[row] as number[]
      own[other] = (own[other] as number) + (ties[i] as number)
    }
  }
  return all
}

test('answers spread as in scikit-learn', async () => {
  // scikit-learn 1.2.1: LabelSpreading(kernel=lambda a, b: W, alpha=0.9, max_iter=20, tol=0) with the cubes of the positive cosines of the standardized rows as W.
  const rows = [
    [2, 1, 0],
    [1.5, 2, 0.5],
    [2.5, 1.5, -1],
    [-1, 2, 2],
    [-2, 1, 1],
    [-1.5, 0.5, 2.5],
    [0.5, -1, -2],
    [1, -2, -0.5],
  ]
  const expected = [
    [0.91191, 0.03584, 0.05225],
    [0.88349, 0.05986, 0.05665],
    [0.89338, 0.04092, 0.0657],
    [0.04295, 0.95477, 0.00227],
    [0.04187, 0.95602, 0.00211],
    [0.0419, 0.95598, 0.00212],
    [0.0422, 0.00153, 0.95627],
    [0.04604, 0.00181, 0.95215],
  ]
  const graph = await finish(neighbourGraph(featuresOf(rows), runtime))
  const answers = new Float32Array(rows.length * 3)
  for (const [row, label] of [
    [0, 0],
    [3, 1],
    [6, 2],
  ] as const) {
    answers[row * 3 + label] = 1
  }
  const found = propagate(graph, answers, 3)
  for (const [i, value] of expected.flat().entries()) expect(found[i]).toBeCloseTo(value, 4)
})

test('each row is tied to the ten that are most like it, and they to it', async () => {
  const random = createRandom(1)
  const count = 60
  const rows = Array.from({ length: count }, () =>
    Array.from({ length: 12 }, () => random.normal()),
  )
  const graph = dense(await finish(neighbourGraph(featuresOf(rows), runtime)))
  const centre = rows[0]?.map(
    (_, k) => rows.reduce((sum, row) => sum + (row[k] as number), 0) / count,
  )
  const spread = centre?.map((mean, k) =>
    Math.sqrt(rows.reduce((sum, row) => sum + ((row[k] as number) - mean) ** 2, 0) / count),
  )
  const unit = rows.map((row) => {
    const own = row.map((value, k) => (value - (centre?.[k] as number)) / (spread?.[k] as number))
    const norm = Math.hypot(...own)
    return own.map((value) => value / norm)
  })
  const cosine = (a: number, b: number) =>
    unit[a]?.reduce((sum, value, k) => sum + value * (unit[b]?.[k] as number), 0) as number
  const nearest = rows.map((_, row) => {
    const others = rows.map((_, other) => other).filter((other) => other !== row)
    return new Set(others.sort((a, b) => cosine(row, b) - cosine(row, a)).slice(0, 10))
  })
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < count; b++) {
      const isTied = nearest[a]?.has(b) || nearest[b]?.has(a)
      expect((graph[a]?.[b] as number) > 0, `${a} and ${b}`).toBe(isTied)
      expect(graph[a]?.[b]).toBeCloseTo(graph[b]?.[a] as number, 6)
    }
  }
})

test('two rows alone are neighbours', async () => {
  const graph = await finish(
    neighbourGraph(
      featuresOf([
        [1, 2],
        [1, 3],
      ]),
      runtime,
    ),
  )
  const found = propagate(graph, Float32Array.of(1, 0, 0, 1), 2)
  expect([...found].every(Number.isFinite)).toBe(true)
  expect(found[0]).toBeGreaterThan(0.5)
})
