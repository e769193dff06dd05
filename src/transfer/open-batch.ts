import { GraftError } from '../errors.ts'
import { createBuilder } from '../graph/builder.ts'
import { constantsOf, dependentsOf, type Graph, type Node } from '../graph/graph.ts'
import { float32, numbersOf, sizeOf, type Tensor, type TensorType } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'
import type { Runtime } from '../runtime/session.ts'
import { inferTypes } from '../runtime/types.ts'
import type { ImageInput } from '../training/normalization.ts'
import { batchDims } from './image-input.ts'

/** A network that takes any number of images, and the type of every value for two of them. */
export type OpenNetwork = { readonly graph: Graph; readonly types: ReadonlyMap<string, TensorType> }

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
  const typesOf = async (graph: Graph, batch: number) => {
    const type: TensorType = { type: 'float32', dims: batchDims(image, batch) }
    return (await inferTypes(graph, { [image.input]: type }, runtime)).types
  }
  const output = model.outputs[0]?.name as string
  const given = model.inputs[0]?.dims[0]
  const open: Graph = {
    ...model,
    inputs: model.inputs.map((input) => ({ ...input, dims: ['N', ...input.dims.slice(1)] })),
    outputs: model.outputs.map(({ name }) => ({ name })),
  }
  const batch = typeof given === 'number' ? given : 1
  // A network that does not run at its own size is wrong in another way, and the error says how.
  const own = await typesOf(open, batch)
  const pair = await typesOf(open, 2).catch(() => undefined)
  if (typeof given === 'string' && pair?.get(output)?.dims[0] === 2) {
    return { graph: open, types: pair }
  }
  const graph = openReshapes(open, batch, own)
  const types = await typesOf(graph, 2).catch(() => undefined)
  if (types && (await givesTheSame(open, graph, image, batch, runtime))) return { graph, types }
  throw new GraftError(
    'unsupported',
    `the backbone works on a batch of ${batch} only: export it with a dynamic batch axis`,
  )
}

function openReshapes(graph: Graph, batch: number, types: ReadonlyMap<string, TensorType>): Graph {
  const constants = constantsOf(graph)
  const data = dependentsOf(
    graph,
    graph.inputs.map(({ name }) => name),
  )
  const builder = createBuilder(graph.name, graph)
  const nodes = graph.nodes.map((node): Node => {
    const [x = '', shape = ''] = node.inputs
    const wanted = constants.get(shape) ?? graph.initializers.get(shape)
    if (node.operator !== 'Reshape' || !wanted || !data.has(x)) return node
    const opened = openShape(numbersOf(wanted), types.get(x)?.dims ?? [], batch)
    return { ...node, inputs: [x, builder.int64s(opened)], attributes: {} }
  })
  const added = builder.build().nodes.slice(graph.nodes.length)
  return { ...graph, nodes: [...added, ...nodes] }
}

/** A shape whose first axis follows the batch: 0 keeps an axis, and -1 takes what is left. */
function openShape(
  [first = 0, ...rest]: readonly number[],
  from: readonly number[],
  batch: number,
): number[] {
  if (first === batch && from[0] === batch) return [0, ...rest]
  const follows = first === batch || from[0] === batch
  return follows && first > 0 && !rest.includes(-1) ? [-1, ...rest] : [first, ...rest]
}

/** Whether the opened network makes of two batches at once what the given one makes of each. */
async function givesTheSame(
  given: Graph,
  opened: Graph,
  image: ImageInput,
  batch: number,
  runtime: Runtime,
): Promise<boolean> {
  const output = given.outputs[0]?.name as string
  const random = createRandom('images of noise')
  const dims = batchDims(image, 2 * batch)
  const noise = Float32Array.from({ length: sizeOf(dims) }, () => random.normal())
  const half = noise.length / 2
  const outputOf = async (graph: Graph, count: number, values: Float32Array) => {
    const session = await runtime.createSession({ ...graph, outputs: [{ name: output }] })
    try {
      const feeds = { [image.input]: float32(batchDims(image, count), values) }
      return (await session.run(feeds))[output] as Tensor
    } finally {
      await session.release()
    }
  }
  const first = await outputOf(given, batch, noise.subarray(0, half))
  const second = await outputOf(given, batch, noise.subarray(half))
  const both = await outputOf(opened, 2 * batch, noise).catch(() => undefined)
  const expected = [...first.data, ...second.data].map(Number)
  if (both?.dims[0] !== 2 * batch || both.data.length !== expected.length) return false
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return expected.every((value, i) => Math.abs(value - Number(both.data[i])) <= 1e-3 * largest)
}
