import { GraftError } from '../errors.ts'
import { mapEvents } from '../events.ts'
import { createBuilder } from '../graph/builder.ts'
import { describeNode, type Graph, inputsOf, type Node, pruneTo } from '../graph/graph.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import type { Runtime } from '../runtime/session.ts'
import type { Examples } from './examples.ts'
import { withParameters } from './forward.ts'
import { isBatchNormalization, layerName, withNormalizationModes } from './normalization-layers.ts'

export type ReestimateOptions = {
  /** The examples that count; default all. */
  readonly indices?: readonly number[]
  /** How many run at a time: a matter of memory alone, the result is the same but for rounding. Default 32. */
  readonly batchSize?: number
  /** The names of the layers whose statistics are estimated anew (see `normalizationLayers`); default all. */
  readonly layers?: ReadonlySet<string>
}

/** One value for each channel. */
type Moments = { count: number; mean: Float64Array; squares: Float64Array }

/** The layers of one pass: what each of them normalizes no longer depends on statistics that are still to be estimated. */
type Stage = readonly Node[]

/**
 * Estimates the running statistics of batch normalizations anew on given examples, for a network whose weights have changed or whose data
 * have: for each layer the mean and the unbiased variance of its input over all examples and positions, when every layer before it already
 * normalizes by its own new statistics. So in inference each layer finds exactly the statistics that it divides by, whatever the
 * batch size and the order of the examples.
 *
 * "Precise BatchNorm" (Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021, arXiv:2105.07576, section 3.2) pools the same moments over
 * all data with the weights held still, but in one pass in which layers normalize by the statistics of each batch: what it estimates for a
 * deep layer belongs to inputs that inference never makes. The authors find that good enough for large batches of ImageNet. Small data
 * make small batches, so here the layers are estimated in their order instead, with one pass over the part of the network below
 * for each depth: about half as many forward passes as there are batch normalizations on the longest path.
 *
 * The moments of batches are pooled in float64 (Chan, Golub and LeVeque, 1979).
 *
 * @param graph a network with one input and an open batch axis, such as the examples' `batch` feeds
 * @returns the new values of the parameters that hold running means and variances, by name, for `withParameters`
 * @throws GraftError `bad-input` for an unknown layer or where a channel has fewer than two values, `unsupported` where the statistics
 * of a layer are computed, or shared with another one
 */
export async function* reestimateStatistics(
  graph: Graph,
  examples: Examples,
  runtime: Runtime,
  options: ReestimateOptions = {},
): AsyncGenerator<{ readonly done: number; readonly total: number }, Map<string, Tensor>> {
  const { indices = Array.from({ length: examples.count }, (_, index) => index) } = options
  const stages = stagesOf(graph, chosenLayers(graph, options.layers))
  const inference = withNormalizationModes(graph, false)
  const estimated = new Map<string, Tensor>()
  const total = stages.length * indices.length
  for (const [depth, stage] of stages.entries()) {
    const known = withParameters(inference, estimated)
    const steps = momentsOf(known, stage, examples, indices, options.batchSize ?? 32, runtime)
    const before = depth * indices.length
    const moments = yield* mapEvents(steps, (done) => ({ done: before + done, total }))
    stage.forEach((node, index) => {
      const { count, mean, squares } = moments[index] as Moments
      if (count < 2) {
        throw new GraftError(
          'bad-input',
          `${describeNode(node)} sees a single value for each channel, which has no variance: give more examples`,
        )
      }
      const variance = squares.map((sum) => sum / (count - 1))
      estimated.set(node.inputs[3] as string, float32([mean.length], [...mean]))
      estimated.set(node.inputs[4] as string, float32([variance.length], [...variance]))
    })
  }
  return estimated
}

function chosenLayers(graph: Graph, names: ReadonlySet<string> | undefined): Node[] {
  // Refuses unknown names.
  withNormalizationModes(graph, names ?? true)
  const layers = graph.nodes.filter(isBatchNormalization)
  const uses = new Map<string, number>()
  for (const name of layers.flatMap(({ inputs }) => inputs.slice(3))) {
    uses.set(name, (uses.get(name) ?? 0) + 1)
  }
  const chosen = layers.filter((node) => names?.has(layerName(node)) ?? true)
  for (const node of chosen) {
    for (const name of node.inputs.slice(3)) {
      if (graph.initializers.has(name) && uses.get(name) === 1) continue
      throw new GraftError(
        'unsupported',
        `${describeNode(node)} has no running statistics of its own: "${name}" is ${graph.initializers.has(name) ? 'those of another layer too' : 'no parameter'}`,
      )
    }
  }
  return chosen
}

/** The layers by how many others lie below them, at most, on the way from the input. */
function stagesOf(graph: Graph, layers: readonly Node[]): Stage[] {
  const wanted = new Set(layers)
  const depths = new Map<string, number>()
  const below = (node: Node) => Math.max(0, ...inputsOf(node).map((name) => depths.get(name) ?? 0))
  for (const node of graph.nodes) {
    const depth = below(node) + (wanted.has(node) ? 1 : 0)
    for (const output of node.outputs) depths.set(output, depth)
  }
  const count = Math.max(0, ...layers.map((node) => below(node) + 1))
  return Array.from({ length: count }, (_, depth) => layers.filter((node) => below(node) === depth))
}

/** The moments of what the layers of a stage normalize; yields how many examples are done. */
async function* momentsOf(
  graph: Graph,
  stage: Stage,
  examples: Examples,
  indices: readonly number[],
  batchSize: number,
  runtime: Runtime,
): AsyncGenerator<number, readonly Moments[]> {
  const builder = createBuilder(graph.name, { ...graph, outputs: [] })
  const names = stage.map((node) => {
    // Zeros keep the batch and the channels: positions of any rank become one axis.
    const rows = builder.op('Reshape', [node.inputs[0], builder.int64s([0, 0, -1])])
    const axes = builder.int64s([0, 2])
    const mean = builder.op('ReduceMean', [rows, axes], { keepdims: 1 })
    const centred = builder.op('Sub', [rows, mean])
    const squares = builder.op('ReduceSumSquare', [centred, axes], { keepdims: 0 })
    return { mean, squares, shape: builder.op('Shape', [rows]) }
  })
  const outputs = names.flatMap((name) => Object.values(name)).map((name) => ({ name }))
  const session = await runtime.createSession(pruneTo(builder.build(), outputs))
  const input = graph.inputs[0]?.name as string
  const pooled = stage.map((): Moments | undefined => undefined)
  try {
    for (let start = 0; start < indices.length; start += batchSize) {
      const rows = indices.slice(start, start + batchSize)
      const feeds = session.inputs.length === 0 ? {} : { [input]: examples.batch(rows) }
      const values = await session.run(feeds)
      const numbers = (name: string) => Float64Array.from((values[name] as Tensor).data, Number)
      names.forEach(({ mean, squares, shape }, index) => {
        const [batch, , positions] = numbers(shape) as unknown as [number, number, number]
        const own = { count: batch * positions, mean: numbers(mean), squares: numbers(squares) }
        pooled[index] = pool(pooled[index], own)
      })
      yield start + rows.length
    }
  } finally {
    await session.release()
  }
  return pooled.map(
    (moments) => moments ?? { count: 0, mean: new Float64Array(), squares: new Float64Array() },
  )
}

/** The moments of two sets of values together, from those of each. */
function pool(a: Moments | undefined, b: Moments): Moments {
  if (!a) return b
  const count = a.count + b.count
  const shift = b.mean.map((mean, channel) => mean - (a.mean[channel] as number))
  const part = b.count / count
  return {
    count,
    mean: a.mean.map((mean, channel) => mean + part * (shift[channel] as number)),
    squares: a.squares.map(
      (sum, channel) =>
        sum + (b.squares[channel] as number) + a.count * part * (shift[channel] as number) ** 2,
    ),
  }
}
