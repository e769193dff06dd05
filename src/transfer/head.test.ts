import { describe, expect, test } from 'vitest'
import { decode, type Encoded, readGolden } from '../../testing/golden.ts'
import { run, runtime } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'
import { balancedWeights } from '../training/class-weights.ts'
import type { Features } from '../training/features.ts'
import { softmax } from '../training/predict.ts'
import { createHeadTrainer, type Head, headBias, headWeight, withHead } from './head.ts'
import { standardize } from './standardize.ts'

const golden = await readGolden<{
  readonly features: Encoded
  readonly labels: Encoded
  readonly others: Encoded
  readonly results: Readonly<
    Record<string, { readonly penalty: number; readonly probabilities: Encoded }>
  >
}>('logistic-regression')

function featuresOf({ dims, data }: Tensor): Features {
  const [count = 0, columns = 0] = dims
  return { data: data as Float32Array, count, columns }
}

const features = featuresOf(decode(golden.features))
const others = featuresOf(decode(golden.others))
const labels = Array.from(decode(golden.labels).data, Number)
const rowsOf = ({ count }: Features) => Array.from({ length: count }, (_, row) => row)

/** Trains a head on all rows, or on some, and predicts the others. */
async function fitted(
  data: Features,
  penalty: number,
  {
    rows = rowsOf(data),
    examples = rows.length,
    classWeights,
  }: { rows?: number[]; examples?: number; classWeights?: number[] } = {},
) {
  const trainer = await createHeadTrainer(
    { features: data.columns, classes: 3, examples, ...(classWeights && { classWeights }) },
    runtime,
  )
  const head = await trainer.fit(trainer.prepare(data, labels, rows), penalty)
  const outputs = await trainer.predict(head, others, rowsOf(others))
  await trainer.release()
  return { head, probabilities: softmax(outputs) }
}

function largestDifference(found: readonly Float32Array[], reference: Encoded): number {
  const expected = decode(reference).data
  return Math.max(
    ...found.flatMap((row, i) =>
      Array.from(row, (value, k) => Math.abs(value - Number(expected[i * row.length + k]))),
    ),
  )
}

describe('probabilities are those of scikit-learn with C = 1 / penalty', () => {
  test.each(Object.entries(golden.results))('%s', async (name, { penalty, probabilities }) => {
    const classWeights = name === 'balanced' ? balancedWeights(labels, 3) : undefined
    const found = await fitted(features, penalty, classWeights && { classWeights })
    expect(largestDifference(found.probabilities, probabilities)).toBeLessThan(1e-3)
  })

  test('with features that never change beside the others', async () => {
    const widen = ({ data, count, columns }: Features): Features => ({
      count,
      columns: columns + 2,
      data: Float32Array.from({ length: count * (columns + 2) }, (_, i) => {
        const k = i % (columns + 2)
        const row = (i - k) / (columns + 2)
        return k < columns ? (data[row * columns + k] as number) : k === columns ? 0 : 1e3 + 1 / 3
      }),
    })
    const { penalty, probabilities } = golden.results['10'] as (typeof golden.results)[string]
    const { head } = await fitted(widen(features), penalty)
    const trainer = await createHeadTrainer({ features: 8, classes: 3, examples: 42 }, runtime)
    const outputs = await trainer.predict(head, widen(others), rowsOf(others))
    await trainer.release()
    expect(largestDifference(softmax(outputs), probabilities)).toBeLessThan(1e-3)
    for (const value of head.weight.data) expect(Number.isFinite(Number(value))).toBe(true)
  })
})

test.each([10, 1000])(
  'on one common scale, the penalized loss has no slope left (penalty %d)',
  async (penalty) => {
    const rows = rowsOf(features)
    const trainer = await createHeadTrainer(
      { features: 6, classes: 3, examples: rows.length },
      runtime,
    )
    const head = await trainer.fit(trainer.prepare(features, labels, rows, 'common'), penalty)
    const probabilities = softmax(await trainer.predict(head, features, rows))
    await trainer.release()
    const { data, moments } = standardize(features, rows, 'common')
    expect(new Set(moments.deviation).size).toBe(1)
    for (let c = 0; c < 3; c++) {
      for (let k = 0; k < 6; k++) {
        const scaled = (head.weight.data[c * 6 + k] as number) * (moments.deviation[k] as number)
        const slopes = rows.map((row) => {
          const excess = (probabilities[row]?.[c] as number) - (labels[row] === c ? 1 : 0)
          return excess * (data[row * 6 + k] as number)
        })
        expect(slopes.reduce((a, b) => a + b) + penalty * scaled).toBeCloseTo(0, 2)
      }
    }
  },
)

test('a share of the features is kept: those that count, on the scale of their own depth', async () => {
  const random = createRandom(4)
  // Two depths of four features, the second a thousand times larger; one of each tells the classes.
  const rows = 60
  const classes = Array.from({ length: rows }, (_, row) => row % 2)
  const data = Float32Array.from({ length: rows * 8 }, (_, i) => {
    const [row, k] = [Math.floor(i / 8), i % 8]
    const value = random.normal() + (k === 2 || k === 5 ? 4 * (classes[row] as number) : 0)
    return k < 4 ? value : 1000 * value
  })
  const trainer = await createHeadTrainer(
    { features: 8, classes: 2, examples: rows, widths: [4, 4] },
    runtime,
  )
  const all = { data, count: rows, columns: 8 }
  const prepared = trainer.prepare(all, classes, rowsOf(all), 'common')
  const { weight } = await trainer.fit(prepared, 1, 0.25)
  await trainer.release()
  const used = Array.from(weight.data, Number).map((value) => value !== 0)
  const expected = Array.from({ length: 8 }, (_, k) => k === 2 || k === 5)
  expect(used).toEqual([...expected, ...expected])
})

test('a trainer serves fold after fold, each from the beginning', async () => {
  const trainer = await createHeadTrainer({ features: 6, classes: 3, examples: 42 }, runtime)
  const [even, all] = [rowsOf(features).filter((row) => row % 2 === 0), rowsOf(features)]
  const layerOf = (rows: readonly number[]) =>
    trainer.fit(trainer.prepare(features, labels, rows), 10)
  const first = await layerOf(even)
  await layerOf(all)
  const again = await layerOf(even)
  expect(again).toEqual(first)
  await trainer.release()
})

test('more rows than a block holds give the same layer', async () => {
  const layerIn = async (examples: number) => {
    const trainer = await createHeadTrainer({ features: 6, classes: 3, examples }, runtime)
    const prepared = trainer.prepare(features, labels, rowsOf(features))
    const { weight } = await trainer.fit(prepared, 10)
    await trainer.release()
    return { weight, blocks: prepared.blocks.length }
  }
  const [whole, cut] = [await layerIn(42), await layerIn(16)]
  expect([whole.blocks, cut.blocks]).toEqual([1, 3])
  cut.weight.data.forEach((value, i) => {
    expect(Number(value)).toBeCloseTo(Number(whole.weight.data[i]), 4)
  })
})

test('standardized features have mean 0 and variance 1 over the rows that count', () => {
  const rows = rowsOf(features).slice(0, 30)
  const { columns } = features
  const { data, moments } = standardize(features, rows)
  for (let k = 0; k < columns; k++) {
    const column = rows.map((row) => data[row * columns + k] as number)
    const mean = column.reduce((a, b) => a + b, 0) / rows.length
    expect(mean).toBeCloseTo(0, 5)
    expect(column.reduce((a, b) => a + (b - mean) ** 2, 0) / rows.length).toBeCloseTo(1, 4)
    const raw = features.data[7 * columns + k] as number
    const expected = (raw - (moments.mean[k] as number)) / (moments.deviation[k] as number)
    expect(data[7 * columns + k]).toBeCloseTo(expected, 5)
  }
})

test('small features are told from constant ones by their own size', () => {
  const data = Float32Array.of(1e-7, 1e6, 3e-7, 1e6 + 0.0625)
  const { data: found, moments } = standardize({ data, count: 2, columns: 2 }, [0, 1])
  expect(found[0]).toBeCloseTo(-1, 5)
  expect(found[2]).toBeCloseTo(1, 5)
  // One step of float32 away from a million is noise.
  expect(moments.deviation[1]).toBe(1)
})

describe('a network with a head', () => {
  const builder = createBuilder('features')
  builder.output(builder.op('Relu', [builder.input('x', 'float32', ['N', 2])]))
  const network = builder.build()
  const x = float32([2, 2], [1, -2, 3, 4])

  test('starts with equal probabilities', async () => {
    const graph = withHead(network, 2, 4)
    const [logits] = Object.values(await run(graph, { x }))
    expect(logits).toEqual(float32([2, 4], Array(8).fill(0)))
  })

  test('applies a head that is given', async () => {
    const head: Head = {
      weight: float32([3, 2], [1, 0, 0, 1, -1, 2]),
      bias: float32([3], [0, 10, 100]),
    }
    const graph = withHead(network, 2, 3, head)
    expect(graph.initializers.get(headWeight)).toBe(head.weight)
    expect(graph.initializers.get(headBias)).toBe(head.bias)
    const [logits] = Object.values(await run(graph, { x }))
    expect([...(logits?.data ?? [])]).toEqual([1, 10, 99, 3, 14, 105])
  })

  test('may end in logits of its own', async () => {
    const own = createBuilder('features')
    const weight = own.parameter('weight', float32([2, 2], [1, 2, 3, 4]))
    const bias = own.parameter('bias', float32([2], [0, 0]))
    const product = own.op('Gemm', [own.input('x', 'float32', ['N', 2]), weight, bias])
    own.output(own.alias('logits', product))
    const graph = withHead(own.build(), 2, 3)
    const [logits] = Object.values(await run(graph, { x }))
    expect(logits?.dims).toEqual([2, 3])
    expect(graph.initializers.get('weight')?.data).toEqual(Float32Array.of(1, 2, 3, 4))
  })
})
