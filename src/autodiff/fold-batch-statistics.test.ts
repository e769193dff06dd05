import { expect, test } from 'vitest'
import { run, runtime } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, sizeOf, type Tensor, type TensorType } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'
import { blockSize } from '../runtime/lowering.ts'
import { inferTypes } from '../runtime/types.ts'
import { exposeBatchStatistics } from './batch-statistics.ts'
import { differentiate } from './differentiate.ts'
import { foldBatchStatistics } from './fold-batch-statistics.ts'
import { lower } from './lowering/index.ts'
import { exposeTrainedConvolutions } from './trained-convolutions.ts'

const random = createRandom('fold statistics')
const draw = (dims: readonly number[], low = -1, high = 1) =>
  float32(
    dims,
    Array.from({ length: sizeOf(dims) }, () => low + (high - low) * random.uniform()),
  )

const identity = (size: number) =>
  float32(
    [size, size, 1, 1],
    Array.from({ length: size ** 2 }, (_, i) => (i % (size + 1) === 0 ? 1 : 0)),
  )

type Given = {
  readonly channels: number
  readonly filters: number
  readonly bias?: boolean
  readonly side: number
  readonly w?: Tensor
  readonly attributes?: { readonly strides: number[]; readonly pads: number[] }
}

const batch = 4

/** A convolution that changes nothing but puts its input in blocks, and one of one pixel that is normalized with the statistics of the batch. */
function network({ channels, filters, bias = false, side, w, attributes }: Given): Graph {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [batch, channels, side, side])
  const unit = builder.parameter('unit', identity(channels))
  const same = builder.op('Conv', [x, builder.op('Neg', [builder.op('Neg', [unit])])])
  const kernel = w ?? draw([filters, channels, 1, 1])
  const inputs = [same, builder.parameter('w', kernel)]
  if (bias) inputs.push(builder.parameter('b', draw([filters])))
  const conv = builder.op('Conv', inputs, attributes)
  const [y = '', mean = '', variance = ''] = builder.ops(
    'BatchNormalization',
    [
      conv,
      builder.parameter('scale', draw([filters], 0.5, 2)),
      builder.parameter('shift', draw([filters])),
      builder.parameter('mean', draw([filters])),
      builder.parameter('variance', draw([filters], 0.5, 2)),
    ],
    { training_mode: 1, momentum: 0.75 },
    3,
  )
  builder.output(builder.alias('y', y))
  builder.output(builder.alias('new mean', mean))
  builder.output(builder.alias('new variance', variance))
  return builder.build()
}

type Typed = { readonly graph: Graph; readonly types: ReadonlyMap<string, TensorType> }

async function exposed(graph: Graph, x: Tensor): Promise<Typed> {
  const typed = await inferTypes(graph, { x }, runtime)
  return exposeBatchStatistics(typed.graph, typed.types)
}

async function folded(graph: Graph, x: Tensor): Promise<Typed> {
  const whole = await exposed(graph, x)
  return foldBatchStatistics(whole.graph, whole.types)
}

const operatorsOf = ({ graph }: Typed) => graph.nodes.map(({ operator }) => operator)

/** What a graph gives, and the gradients of `y`. */
async function evaluate(
  { graph, types }: Typed,
  block: number,
  { x, cotangent, wrt }: { readonly x: Tensor; readonly cotangent: Tensor; readonly wrt: string[] },
) {
  const builder = createBuilder('folded', graph)
  const seeds = new Map([['y', builder.input('cotangent', 'float32', cotangent.dims)]])
  const derivatives = differentiate(builder.build(), types, seeds, wrt)
  const gradients = wrt.map((name) => ({ name: derivatives.gradients.get(name) as string }))
  const outputs = [...graph.outputs, ...gradients]
  // Kernels that no training changes would be left to ONNX Runtime.
  const trained = exposeTrainedConvolutions({ ...derivatives.graph, outputs }, derivatives.types)
  const lowered = lower(trained, derivatives.types, block)
  const results = Object.values(await run(lowered, { x, cotangent }))
  const names = [...graph.outputs.map(({ name }) => name), ...wrt]
  return Object.fromEntries(names.map((name, index) => [name, results[index] as Tensor]))
}

/** The Euclidean distance from a point. */
function distance(values: Tensor['data'], from: (index: number) => number): number {
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += (Number(values[i]) - from(i)) ** 2
  return Math.sqrt(squares)
}

/** How far values are from those wanted, relative to these. */
function relativeError(got: Tensor | undefined, { dims, data }: Tensor): number {
  expect(got?.dims).toEqual(dims)
  const norm = distance(data, () => 0)
  expect(norm).toBeGreaterThan(0)
  return distance(data, (i) => Number(got?.data[i])) / norm
}

const wrt = ['x', 'w', 'scale', 'shift']

test.each([
  { channels: 4, filters: 20, side: 60, bias: true },
  { channels: 16, filters: 64, side: 32 },
  { channels: 24, filters: 104, side: 26, bias: true },
])('%j: the same results, running statistics and gradients', async (given) => {
  const { channels, filters, side } = given
  const graph = network(given)
  const x = draw([batch, channels, side, side])
  const at = { x, cotangent: draw([batch, filters, side, side]), wrt }
  const wanted = await evaluate(await exposed(graph, x), 0, at)
  const typed = await folded(graph, x)
  expect(operatorsOf(typed)).toContain('ChannelMoments')
  expect(operatorsOf(typed)).not.toContain('BatchNormalization')
  for (const block of new Set([0, await blockSize(runtime)])) {
    const got = await evaluate(typed, block, at)
    for (const [name, value] of Object.entries(wanted)) {
      expect(relativeError(got[name], value), name).toBeLessThan(2e-5)
    }
  }
})

test('a mean of hundreds of deviations costs about the digits that it costs a normalization apart', async () => {
  const graph = network({ channels: 4, filters: 16, side: 64 })
  // Multiples of 1/256, so that the shift itself is exact.
  const drawn = draw([batch, 4, 64, 64]).data as Float32Array
  const values = drawn.map((value) => Math.round(256 * value) / 256)
  const cotangent = draw([batch, 16, 64, 64])
  const at = (shift: number) => {
    const x = float32(
      [batch, 4, 64, 64],
      values.map((value) => value + shift),
    )
    return { x, cotangent, wrt }
  }
  const far = at(200)
  const apart = await exposed(graph, far.x)
  const { 'new mean': _, ...wanted } = await evaluate(apart, 0, at(0))
  const before = await evaluate(apart, 0, far)
  const after = await evaluate(await folded(graph, far.x), 0, far)
  for (const [name, value] of Object.entries(wanted)) {
    const allowed = 4 * relativeError(before[name], value) + 1e-5
    expect(relativeError(after[name], value), name).toBeLessThan(allowed)
  }
})

test('a filter that gives the same for every pixel keeps its variance of zero', async () => {
  const w = draw([16, 4, 1, 1])
  const side = 64
  const half = draw([batch, 2, side, side], 100, 300)
  // The channels are the same two twice over, and the first filter takes the one from the other.
  const pixels = side ** 2
  const x = float32([batch, 4, side, side], new Float32Array(batch * 4 * pixels))
  for (let image = 0; image < batch; image++) {
    const own = half.data.slice(image * 2 * pixels, (image + 1) * 2 * pixels) as Float32Array
    ;(x.data as Float32Array).set(own, image * 4 * pixels)
    ;(x.data as Float32Array).set(own, (image * 4 + 2) * pixels)
  }
  ;(w.data as Float32Array).set([1, 1, -1, -1])
  const typed = await folded(network({ channels: 4, filters: 16, side, w }), x)
  const cotangent = draw([batch, 16, side, side])
  const results = await evaluate(typed, 0, { x, cotangent, wrt: ['x', 'w'] })
  for (const [name, { data }] of Object.entries(results)) {
    expect(Array.from(data, Number).every(Number.isFinite), name).toBe(true)
  }
})

test.each([
  { what: 'twice as many filters as channels', channels: 16, filters: 32, side: 64 },
  { what: 'more channels than pixels pay for', channels: 160, filters: 960, side: 9 },
  { what: 'few values', channels: 4, filters: 16, side: 8 },
  {
    what: 'steps of two over so much padding that the map keeps its size',
    channels: 4,
    filters: 16,
    side: 65,
    attributes: { strides: [2, 2], pads: [32, 32, 32, 32] },
  },
])('$what stay with their normalization', async (given) => {
  const x = draw([batch, given.channels, given.side, given.side])
  const typed = await folded(network(given), x)
  expect(operatorsOf(typed)).toContain('BatchNormalization')
})

test('a convolution that others read stays beside its normalization', async () => {
  const graph = network({ channels: 4, filters: 16, side: 64 })
  const conv = graph.nodes.findLast(({ operator }) => operator === 'Conv')?.outputs[0] as string
  const read = { ...graph, outputs: [...graph.outputs, { name: conv }] }
  expect(operatorsOf(await folded(read, draw([batch, 4, 64, 64])))).toContain('BatchNormalization')
})
