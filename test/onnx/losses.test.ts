import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBuilder } from '../../src/graph/builder.ts'
import { float32, int64, numbersOf, type Tensor } from '../../src/graph/tensor.ts'
import { crossEntropy } from '../../src/nn/losses.ts'
import type { Session } from '../../src/runtime/session.ts'
import { type DataSet, difference, readNodeTests, type TestCase } from '../../testing/onnx-data.ts'
import { runtime } from '../../testing/runtime.ts'

let session: Session
beforeAll(async () => {
  const builder = createBuilder()
  const output = builder.input('output', 'float32', ['rows', 'classes'])
  const targets = builder.input('targets', 'int64', ['rows'])
  const weights = builder.input('weights', 'float32', ['rows'])
  builder.output(builder.alias('loss', crossEntropy().write(builder, { output, targets, weights })))
  session = await runtime.createSession(builder.build(), { threads: 1 })
})
afterAll(() => session.release())

type Row = { readonly scores: readonly number[]; readonly target: number; readonly weight: number }

/** Our loss of some rows: the mean under their weights. */
async function lossOf(rows: readonly Row[]): Promise<number> {
  const { loss } = await session.run({
    output: float32(
      [rows.length, rows[0]?.scores.length ?? 0],
      rows.flatMap(({ scores }) => scores),
    ),
    targets: int64(
      [rows.length],
      rows.map(({ target }) => target),
    ),
    weights: float32(
      [rows.length],
      rows.map(({ weight }) => weight),
    ),
  })
  return Number(loss?.data[0])
}

/**
 * One row for each position of scores [N, C, d1, ...], as our loss has no spatial axes. A target's class weight becomes the weight
 * of its row; one that is ignored gets weight 0 and any class.
 */
function rowsOf({ dataSets }: TestCase, ignored: number | undefined): Row[] {
  const [{ inputs }] = dataSets() as [DataSet]
  const [scores, labels, classWeights] = inputs as Tensor[]
  const values = numbersOf(scores as Tensor)
  const [batch = 0, classes = 0, ...spatial] = scores?.dims ?? []
  const positions = spatial.reduce((product, dim) => product * dim, 1)
  return numbersOf(labels as Tensor).map((label, index) => {
    const [n, p] = [Math.floor(index / positions), index % positions]
    expect(n).toBeLessThan(batch)
    const skipped = label === ignored
    return {
      scores: Array.from(
        { length: classes },
        (_, c) => values[(n * classes + c) * positions + p] as number,
      ),
      target: skipped ? 0 : label,
      weight: skipped ? 0 : Number(classWeights?.data[label] ?? 1),
    }
  })
}

/** What cross-entropy has more than the negative likelihood, whose scores are taken for logarithms of probabilities already. */
const logOfSum = ({ scores }: Row) => Math.log(scores.reduce((sum, x) => sum + Math.exp(x), 0))

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

test.each(readNodeTests('sce_', 'nllloss_').map((testCase) => [testCase.name, testCase] as const))(
  'cross-entropy is that of ONNX: %s',
  async (name, testCase) => {
    const attributes = testCase.model.graph?.node[0]?.attribute ?? []
    const attribute = (wanted: string) => attributes.find((given) => given.name === wanted)
    const ignored = attribute('ignore_index')
    const reduction = new TextDecoder().decode(attribute('reduction')?.s) || 'mean'
    const rows = rowsOf(testCase, ignored && Number(ignored.i))
    const extra = name.startsWith('test_nllloss') ? logOfSum : () => 0

    const [{ outputs }] = testCase.dataSets() as [DataSet]
    const expected = outputs[0] as Tensor
    let found: number[]
    if (reduction === 'none') {
      found = []
      for (const row of rows) {
        found.push(row.weight * ((await lossOf([{ ...row, weight: 1 }])) - extra(row)))
      }
    } else {
      const total = sum(rows.map(({ weight }) => weight))
      const more = sum(rows.map((row) => row.weight * extra(row))) / total
      const mean = (await lossOf(rows)) - more
      found = [reduction === 'sum' ? mean * total : mean]
    }
    const tolerance = { relative: 1e-5, absolute: 1e-6 }
    expect(difference(float32(expected.dims, found), expected, tolerance)).toBeUndefined()
  },
)
