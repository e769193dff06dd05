import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeAll, type Encoded, largestError, readGolden } from '../../testing/golden.ts'
import { run, vjp } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32, int64, numbersOf, type Tensor } from '../graph/tensor.ts'
import {
  binaryCrossEntropy,
  crossEntropy,
  type Loss,
  meanSquaredError,
  softCrossEntropy,
  targetsInput,
  weightsInput,
} from './losses.ts'

type Case = { readonly output: Tensor; readonly targets: Tensor; readonly weights: Tensor }

/** The loss of given outputs, and its gradient with respect to them. */
async function measure(loss: Loss, { output, targets, weights }: Case) {
  const builder = createBuilder()
  builder.input('output', 'float32', output.dims)
  builder.input(targetsInput, targets.type, targets.dims)
  builder.input(weightsInput, 'float32', weights.dims)
  const value = loss.write(builder, {
    output: 'output',
    targets: targetsInput,
    weights: weightsInput,
  })
  builder.output(value)
  const graph = builder.build()
  const feeds = { output, [targetsInput]: targets, [weightsInput]: weights }
  const { [value]: result } = await run(graph, feeds)
  const { output: gradient } = await vjp(graph, feeds, { [value]: float32([], [1]) }, ['output'])
  return { loss: result as Tensor, gradient: gradient as Tensor }
}

const golden = await readGolden<Record<string, Record<string, Encoded>>>('losses')
const losses: Record<string, Loss> = {
  crossEntropy: crossEntropy(),
  crossEntropySmoothed: crossEntropy({ smoothing: 0.1 }),
  softCrossEntropy,
  binaryCrossEntropy,
  meanSquaredError,
}

describe('values and gradients are those of PyTorch, weighted by row', () => {
  test.each(Object.entries(losses))('%s', async (name, loss) => {
    const reference = decodeAll(golden[name] as Record<string, Encoded>)
    const tensor = (key: string) => reference.get(key) as Tensor
    const { type, dims } = loss.targets
    expect(tensor('targets').type).toBe(type)
    expect(tensor('targets').dims).toEqual(dims(tensor('output').dims))
    const found = await measure(loss, {
      output: tensor('output'),
      targets: tensor('targets'),
      weights: tensor('weights'),
    })
    expect(largestError(found.loss, tensor('loss'))).toBeLessThan(1e-6)
    expect(largestError(found.gradient, tensor('gradient'))).toBeLessThan(1e-6)
  })
})

/** One row of cross-entropy by its definition, in double precision. */
function naiveCrossEntropy(logits: readonly number[], label: number, smoothing: number): number {
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
  return logits.reduce((sum, logit, k) => {
    const target = (k === label ? 1 - smoothing : 0) + smoothing / logits.length
    return sum + target * (total - logit)
  }, 0)
}

const rows = fc.record({
  classes: fc.integer({ min: 1, max: 6 }),
  count: fc.integer({ min: 1, max: 8 }),
  smoothing: fc.constantFrom(0, 0.1, 0.5),
  values: fc.infiniteStream(fc.double({ min: -8, max: 8, noNaN: true })),
  weights: fc.infiniteStream(fc.constantFrom(0.25, 1, 3)),
})

test('cross-entropy is the naive loop, for any number of rows and classes', async () => {
  await fc.assert(
    fc.asyncProperty(rows, async ({ classes, count, smoothing, values, weights }) => {
      const take = <T>(stream: Iterator<T>, n: number) =>
        Array.from({ length: n }, () => stream.next().value as T)
      const logits = Array.from({ length: count }, () =>
        take(values, classes).map((value) => Math.fround(value)),
      )
      const labels = logits.map((_, row) => row % classes)
      const factors = take(weights, count)
      const { loss } = await measure(crossEntropy({ smoothing }), {
        output: float32([count, classes], logits.flat()),
        targets: int64([count], labels),
        weights: float32([count], factors),
      })
      const sum = (terms: number[]) => terms.reduce((a, b) => a + b, 0)
      const terms = logits.map(
        (row, i) => (factors[i] as number) * naiveCrossEntropy(row, labels[i] as number, smoothing),
      )
      expect(loss.data[0]).toBeCloseTo(sum(terms) / sum(factors), 4)
    }),
    { numRuns: 12, seed: 1 },
  )
})

test('rows of weight zero change neither the loss nor the gradient of the others', async () => {
  const output = [0.5, -1, 2, 0.1, 0.2, 0.3]
  const targets: Record<string, [Tensor, Tensor]> = {
    int64: [int64([2], [2, 0]), int64([4], [2, 0, 1, 1])],
    float32: [
      float32([2, 3], [0, 1, 0.5, 1, 0, 0]),
      float32([4, 3], [0, 1, 0.5, 1, 0, 0, 9, 9, 9, 0, 0, 0]),
    ],
  }
  for (const loss of Object.values(losses)) {
    const [short, long] = targets[loss.targets.type] as [Tensor, Tensor]
    const plain = await measure(loss, {
      output: float32([2, 3], output),
      targets: short,
      weights: float32([2], [1, 1]),
    })
    const padded = await measure(loss, {
      output: float32([4, 3], [...output, 40, -3, 7, 0, 100, -100]),
      targets: long,
      weights: float32([4], [1, 1, 0, 0]),
    })
    expect(padded.loss.data).toEqual(plain.loss.data)
    expect(padded.gradient.data.slice(0, 6)).toEqual(plain.gradient.data)
    expect(numbersOf(padded.gradient).slice(6).map(Math.abs)).toEqual(Array(6).fill(0))
  }
})

test('extreme logits overflow no loss', async () => {
  const certain = {
    output: float32([2, 2], [1e4, -1e4, -1e4, 1e4]),
    weights: float32([2], [1, 1]),
  }
  const wrong = await measure(crossEntropy(), { ...certain, targets: int64([2], [1, 0]) })
  expect(wrong.loss.data[0]).toBe(2e4)
  const right = await measure(crossEntropy(), { ...certain, targets: int64([2], [0, 1]) })
  expect(Math.abs(Number(right.loss.data[0]))).toBe(0)
  const opposed = float32([2, 2], [0, 1, 1, 0])
  const binary = await measure(binaryCrossEntropy, { ...certain, targets: opposed })
  expect(binary.loss.data[0]).toBe(1e4)
  for (const value of binary.gradient.data) expect(Number.isFinite(Number(value))).toBe(true)
})
