import { describe, expect, test } from 'vitest'
import { decode, decodeAll, type Encoded, largestError, readGolden } from '../../testing/golden.ts'
import { run, runtime } from '../../testing/runtime.ts'
import { networkOf, normal } from '../../testing/training-steps.ts'
import { finish } from '../events.ts'
import type { Graph } from '../graph/graph.ts'
import { readModel } from '../graph/read.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { batchNormalization, conv, flatten, sequential } from '../nn/layers.ts'
import { arrayExamples } from './examples.ts'
import { withParameters } from './forward.ts'
import { isBatchNormalization } from './normalization-layers.ts'
import { type ReestimateOptions, reestimateStatistics } from './reestimate-statistics.ts'

const examplesOf = ({ dims, data }: Tensor) => arrayExamples(data as Float32Array, dims.slice(1))
const reestimate = (graph: Graph, x: Tensor, options?: ReestimateOptions) =>
  finish(reestimateStatistics(graph, examplesOf(x), runtime, options))

describe('a residual network with four normalizations, two of them side by side', async () => {
  const golden = await readGolden<{
    readonly model: string
    readonly x: Encoded
    readonly statistics: Readonly<Record<string, Encoded>>
    readonly output: Encoded
  }>('reestimated-statistics')
  const graph = readModel(Uint8Array.from(atob(golden.model), (byte) => byte.charCodeAt(0)))
  const x = decode(golden.x)
  const expected = decodeAll(golden.statistics)

  test.each([11, 4, 1])('has the statistics of PyTorch in batches of %d', async (batchSize) => {
    const estimated = await reestimate(graph, x, { batchSize })
    expect([...estimated.keys()].sort()).toEqual([...expected.keys()].sort())
    for (const [name, value] of expected) {
      expect(largestError(estimated.get(name), value), name).toBeLessThan(5e-6)
    }
    const [output] = Object.values(await run(withParameters(graph, estimated), { x }))
    expect(largestError(output, decode(golden.output))).toBeLessThan(2e-5)
  })

  test('some layers alone: the others keep theirs and normalize by them', async () => {
    const layers = new Set(['/second/BatchNormalization'])
    const estimated = await reestimate(graph, x, { layers })
    expect([...estimated.keys()]).toEqual(['second.running_mean', 'second.running_var'])
    const direct = await directMoments(graph, x, '/inner/Conv_output_0')
    expect(largestError(estimated.get('second.running_mean'), direct.mean)).toBeLessThan(2e-6)
    expect(largestError(estimated.get('second.running_var'), direct.variance)).toBeLessThan(2e-6)
    // The layer below it had other statistics in the reference.
    const other = expected.get('second.running_mean') as Tensor
    expect(largestError(estimated.get('second.running_mean'), other)).toBeGreaterThan(0.01)
  })

  test('of some examples alone', async () => {
    const indices = [7, 2, 3]
    const estimated = await reestimate(graph, x, { indices, batchSize: 2 })
    const part = float32([3, 2, 6, 5], [...(examplesOf(x).batch(indices).data as Float32Array)])
    for (const [name, value] of await reestimate(graph, part)) {
      expect(largestError(estimated.get(name), value), name).toBeLessThan(2e-6)
    }
  })

  test('tells how far it is, over the passes of all depths', async () => {
    const steps = reestimateStatistics(graph, examplesOf(x), runtime, { batchSize: 8 })
    const seen: unknown[] = []
    for await (const step of steps) seen.push(step)
    const total = 33
    expect(seen).toEqual([8, 11, 19, 22, 30, 33].map((done) => ({ done, total })))
  })
})

test('every layer of a deep network then divides by the statistics of its own input', async () => {
  const block = () =>
    sequential({
      conv: conv(4, 3),
      norm: batchNormalization(),
      conv2: conv(3, 3),
      norm2: batchNormalization(),
    })
  const graph = networkOf(
    sequential({ a: block(), b: block(), c: block(), flatten: flatten() }),
    [2, 5, 5],
  )
  const x = normal([9, 2, 5, 5])
  const estimated = await reestimate(graph, x, { batchSize: 4 })
  const final = withParameters(graph, estimated)
  const layers = graph.nodes.filter(isBatchNormalization)
  expect(layers.length).toBe(6)
  for (const { inputs } of layers) {
    const [input = '', , , mean = '', variance = ''] = inputs
    const direct = await directMoments(final, x, input)
    expect(largestError(estimated.get(mean), direct.mean)).toBeLessThan(2e-6)
    expect(largestError(estimated.get(variance), direct.variance)).toBeLessThan(2e-6)
  }
})

test('a mean far from zero does not drown the variance', async () => {
  const graph = networkOf(batchNormalization(), [1])
  const x = float32([6, 1], [4096, 4096.5, 4097, 4096, 4096.5, 4097])
  const estimated = await reestimate(graph, x, { batchSize: 2 })
  const [mean, variance] = [...estimated.values()].map(({ data }) => Number(data[0]))
  expect(mean).toBeCloseTo(4096.5, 3)
  expect(variance).toBeCloseTo(0.2, 6)
})

test('a network without batch normalization has nothing to estimate', async () => {
  expect(await reestimate(networkOf(flatten(), [2]), normal([3, 2]))).toEqual(new Map())
})

describe('refuses', () => {
  const graph = networkOf(
    sequential({ norm: batchNormalization(), again: batchNormalization() }),
    [2],
  )
  const names = graph.nodes.filter(isBatchNormalization).map(({ inputs }) => inputs.slice(3))

  test('a name that no layer has', async () => {
    const found = reestimate(graph, normal([3, 2]), { layers: new Set(['norm9']) })
    await expect(found).rejects.toMatchObject({
      code: 'bad-input',
      message: 'the network has no batch normalization "norm9"',
    })
  })

  test('a single value', async () => {
    await expect(reestimate(graph, normal([1, 2]))).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/sees a single value for each channel/),
    })
  })

  test('statistics that two layers share', async () => {
    const [first, second] = names as [string[], string[]]
    const nodes = graph.nodes.map((node) =>
      node.inputs[3] === second[0]
        ? { ...node, inputs: [...node.inputs.slice(0, 3), ...first] }
        : node,
    )
    await expect(reestimate({ ...graph, nodes }, normal([3, 2]))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/has no running statistics of its own.*another layer/),
    })
  })
})

/** Mean and unbiased variance of each channel of a value, in two loops over all of it. */
async function directMoments(graph: Graph, x: Tensor, name: string) {
  const { dims, data } = (
    await run({ ...graph, outputs: [{ name }] }, { [graph.inputs[0]?.name as string]: x })
  )[name] as Tensor
  const [rows, channels] = dims as [number, number]
  const positions = data.length / rows / channels
  const ofChannel = (channel: number) =>
    Array.from(data, Number).filter((_, i) => Math.floor(i / positions) % channels === channel)
  const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
  const all = Array.from({ length: channels }, (_, channel) => ofChannel(channel))
  const means = all.map(average)
  const variances = all.map((values, channel) => {
    const squares = values.map((value) => (value - (means[channel] as number)) ** 2)
    return (average(squares) * values.length) / (values.length - 1)
  })
  return { mean: float32([channels], means), variance: float32([channels], variances) }
}
