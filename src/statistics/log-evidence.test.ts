import { expect, test } from 'vitest'
import { decode, type Encoded, readGolden } from '../../testing/golden.ts'
import { leaveOneOutScore } from './leave-one-out.ts'
import { logEvidence } from './log-evidence.ts'

const { source: _, ...cases } = await readGolden<{
  readonly [name: string]: {
    readonly features: Encoded
    readonly labels: Encoded
    readonly classes: number
    readonly evidence: number
  }
}>('log-evidence')

test.each(Object.entries(cases))('%s: as SciPy maximizes the dense likelihood', (_name, golden) => {
  const { dims, data } = decode(golden.features)
  const [n = 0, width = 0] = dims
  const rows = Array.from({ length: n }, (_, row) =>
    Array.from(data.slice(row * width, (row + 1) * width), Number),
  )
  const labels = Array.from(decode(golden.labels).data, Number)
  const { evidence } = leaveOneOutScore(rows, labels, golden.classes)
  expect(evidence).toBeCloseTo(golden.evidence, 6)
})

test('features that never change leave a target of its own variance', () => {
  // Four targets -1, -1, 1, 1 on three contrasts: variance 4 / 3.
  const expected = -0.5 * (Math.log((2 * Math.PI * 4) / 3) + 1)
  expect(logEvidence([0, 0, 0, 0], [4, 0, 0, 0])).toBeCloseTo(expected, 12)
})
