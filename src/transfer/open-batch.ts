import { GraftError } from '../errors.ts'
import { createBuilder } from '../graph/builder.ts'
import { constantsOf, dependentsOf, type Graph, type Node } from '../graph/graph.ts'
import { float32, numbersOf, sizeOf, type Tensor, type TensorType } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'
import type { Runtime } from '../runtime/session.ts'
import { inferTypes, type TypedGraph } from '../runtime/types.ts'
import type { ImageInput } from '../training/normalization.ts'
import { batchDims } from './image-input.ts'

/** A network that takes any number of images, and what is known of it for two of them. */
export type OpenNetwork = {
  readonly graph: Graph
  /** The type of every value. */
  readonly types: ReadonlyMap<string, TensorType>
  /** The graph with what only computes shapes as constants. */
  readonly folded: Graph
}

/**
 * Opens the batch axis of a network, also of one that was exported for a fixed number of images: its input's axis, and the reshapes that
 * have the number built in. Whether that is all there was to open is measured, on images of noise.
 *
 * @throws GraftError `unsupported` where the network works on one number of images only
 */
export async function openBatch(
  model: Graph,
  image: ImageInput,
  runtime: Runtime,
): Promise<OpenNetwork> {
  const typed = (graph: Graph, batch: number) => {
    const type: TensorType = { type: 'float32', dims: batchDims(image, batch) }
    return inferTypes(graph, { [image.input]: type }, runtime)
  }
  const typedForTwo = async (graph: Graph) => {
    try {
      return await typed(graph, 2)
    } catch {
      return undefined
    }
  }
  const output = model.outputs[0]?.name as string
  const given = model.inputs[0]?.dims[0]
  const open: Graph = {
    ...model,
    inputs: model.inputs.map((input) => ({ ...input, dims: ['N', ...input.dims.slice(1)] })),
    outputs: model.outputs.map(({ name }) => ({ name })),
  }
  if (typeof given === 'string') {
    const two = await typedForTwo(open)
    if (two?.types.get(output)?.dims[0] === 2) {
      return { graph: open, types: two.types, folded: two.graph }
    }
  }
  const batch = typeof given === 'number' ? given : 1
  // A network that does not run at its own size is wrong in another way, and the error says how.
  const graph = openReshapes(open, await typed(open, batch))
  const two = await typedForTwo(graph)
  if (two && (await treatsAlike(graph, image, batch, runtime))) {
    return { graph, types: two.types, folded: two.graph }
  }
  throw new GraftError(
    'unsupported',
    `the backbone works on a batch of ${batch} only: export it with a dynamic batch axis`,
  )
}

/** The graph with reshapes that mean the same at its own size, and let the first axis of their result follow the batch. */
function openReshapes(graph: Graph, { graph: folded, types }: TypedGraph): Graph {
  const constants = constantsOf(folded)
  const data = dependentsOf(
    graph,
    graph.inputs.map(({ name }) => name),
  )
  const builder = createBuilder(graph.name, graph)
  const nodes = graph.nodes.map((node): Node => {
    const [x = '', shape = ''] = node.inputs
    const wanted = constants.get(shape) ?? graph.initializers.get(shape)
    if (node.operator !== 'Reshape' || !wanted || !data.has(x)) return node
    const opened = openShape(numbersOf(wanted), types.get(x)?.dims ?? [])
    return { ...node, inputs: [x, builder.int64s(opened)], attributes: {} }
  })
  const added = builder.build().nodes.slice(graph.nodes.length)
  return { ...graph, nodes: [...added, ...nodes] }
}

/** In a shape, 0 keeps an axis, and -1 takes what is left. */
function openShape([first = 0, ...rest]: readonly number[], from: readonly number[]): number[] {
  if (first === from[0]) return [0, ...rest]
  return [rest.includes(-1) ? first : -1, ...rest]
}

/** Whether a network makes of two batches at once what it makes of each, on images of noise. */
async function treatsAlike(
  graph: Graph,
  image: ImageInput,
  batch: number,
  runtime: Runtime,
): Promise<boolean> {
  const output = graph.outputs[0]?.name as string
  const session = await runtime.createSession(
    { ...graph, outputs: [{ name: output }] },
    { optimize: 'none' },
  )
  const outputOf = async (count: number, values: Float32Array) => {
    const feeds = { [image.input]: float32(batchDims(image, count), values) }
    return (await session.run(feeds))[output] as Tensor
  }
  try {
    const random = createRandom('images of noise')
    const size = sizeOf(batchDims(image, batch))
    const noise = Float32Array.from({ length: 2 * size }, () => random.normal())
    const both = await outputOf(2 * batch, noise)
    const first = await outputOf(batch, noise.subarray(0, size))
    const second = await outputOf(batch, noise.subarray(size))
    const expected = [first, second].flatMap(numbersOf)
    if (both.dims[0] !== 2 * batch || both.data.length !== expected.length) return false
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    return expected.every((value, i) => Math.abs(value - Number(both.data[i])) <= 1e-3 * largest)
  } finally {
    await session.release()
  }
}
