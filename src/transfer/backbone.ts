import { GraftError } from '../errors.ts'
import { cutAt, extend } from '../graph/compose.ts'
import { constantsOf, type Graph, type Node, producersOf } from '../graph/graph.ts'
import { int64, type Tensor, type TensorType } from '../graph/tensor.ts'
import type { Runtime } from '../runtime/session.ts'
import { inferTypes } from '../runtime/types.ts'
import type { ImageInput } from '../training/normalization.ts'

/** A network that somebody trained before, cut before its classifier. */
export type Backbone = {
  /** From the image to one vector of features an image, float32 [N, F]. */
  readonly graph: Graph
  readonly image: ImageInput
  /** The value at which the network was cut. */
  readonly cut: string
  readonly features: number
}

/** The input size of a backbone whose graph leaves it open. */
const openSize = 224

/**
 * Cuts a network before its classifier: the last Gemm, MatMul or 1x1 Conv on the way to its first output. A network without one
 * ends in features already. Maps are averaged over their pixels, and tokens over their places.
 *
 * @throws GraftError `unsupported` where the network does not take one batch of images
 */
export async function cutBackbone(model: Graph, runtime: Runtime): Promise<Backbone> {
  const image = imageInput(model)
  const open = openBatch(model)
  const types = (batch: number) => typesOf(open, image, batch, runtime)
  const known = await types(2)
  const output = open.outputs[0]?.name as string
  const cut = featuresBefore(open, output, known) ?? output
  const { dims } = known.get(cut) as TensorType
  if (dims[0] !== 2) {
    throw new GraftError(
      'unsupported',
      `the backbone works on a batch of one size only (its output for 2 images is [${dims.join(', ')}]): export it with a dynamic batch axis`,
    )
  }
  const vector = extend(cutAt(open, cut), (builder) => {
    if (dims.length === 2) return cut
    // Channels are the axis that is longest among the last maps of an image network in NHWC, and the second in NCHW.
    const axes = dims.length === 3 ? [1] : image.layout === 'NCHW' ? [2, 3] : [1, 2]
    return builder.op('ReduceMean', [cut, builder.int64s(axes)], { keepdims: 0 })
  })
  const features = dims.length === 4 && image.layout === 'NCHW' ? dims[1] : dims.at(-1)
  return { graph: vector, image, cut, features: features as number }
}

/** Which input is the image, and how it is laid out. */
function imageInput(model: Graph): ImageInput {
  const [input, ...others] = model.inputs
  if (!input || others.length > 0) {
    const names = model.inputs.map(({ name }) => `"${name}"`).join(', ')
    throw new GraftError(
      'unsupported',
      `a backbone takes one image input, not ${model.inputs.length} (${names})`,
    )
  }
  const { name, type, dims } = input
  if (type !== 'float32' || dims.length !== 4) {
    throw new GraftError(
      'unsupported',
      `a backbone takes float32 [N, C, H, W]; its input "${name}" is ${type} [${dims.join(', ')}]`,
    )
  }
  const isChannels = (dim: number | string | undefined) => dim === 1 || dim === 3
  const layout = !isChannels(dims[1]) && isChannels(dims[3]) ? 'NHWC' : 'NCHW'
  const [channels, height, width] =
    layout === 'NCHW' ? [dims[1], dims[2], dims[3]] : [dims[3], dims[1], dims[2]]
  const size = (dim: number | string | undefined) => (typeof dim === 'number' ? dim : openSize)
  return {
    input: name,
    layout,
    channels: typeof channels === 'number' ? channels : 3,
    height: size(height),
    width: size(width),
  }
}

/** The dimensions of a batch of images as the network takes them. */
export function batchDims(
  { layout, channels, height, width }: ImageInput,
  batch: number,
): number[] {
  return layout === 'NCHW' ? [batch, channels, height, width] : [batch, height, width, channels]
}

async function typesOf(graph: Graph, image: ImageInput, batch: number, runtime: Runtime) {
  const dims = batchDims(image, batch)
  return (await inferTypes(graph, { [image.input]: { type: 'float32', dims } }, runtime)).types
}

/**
 * Opens the batch axis of a network that was exported for one image: the input's axis, and the reshapes that have the 1 built in (0
 * means to keep the axis).
 */
function openBatch(model: Graph): Graph {
  const inputs = model.inputs.map((input) => ({ ...input, dims: ['N', ...input.dims.slice(1)] }))
  const outputs = model.outputs.map(({ name }) => ({ name }))
  if (model.inputs[0]?.dims[0] !== 1) return { ...model, inputs, outputs }
  const shapes = new Set(
    model.nodes.flatMap((node) => (node.operator === 'Reshape' ? [node.inputs[1] as string] : [])),
  )
  const opened = (value: Tensor): Tensor =>
    Number(value.data[0]) === 1 && value.dims.length === 1 && value.dims[0] !== 1
      ? int64(value.dims, [0, ...Array.from(value.data as BigInt64Array).slice(1)])
      : value
  return {
    ...model,
    inputs,
    outputs,
    initializers: new Map(
      [...model.initializers].map(([name, value]) => [
        name,
        shapes.has(name) ? opened(value) : value,
      ]),
    ),
    nodes: model.nodes.map((node): Node => {
      const value = node.attributes.value
      const isShape = node.operator === 'Constant' && shapes.has(node.outputs[0] as string)
      if (!isShape || value?.type !== 'tensor') return node
      return { ...node, attributes: { value: { type: 'tensor', value: opened(value.value) } } }
    }),
  }
}

/** Operators that a classifier's result passes on its way to the output. */
const passing = new Set([
  'Softmax',
  'LogSoftmax',
  'Sigmoid',
  'Flatten',
  'Reshape',
  'Squeeze',
  'Identity',
  'Dropout',
  'Cast',
  'Add',
  'Sub',
  'Mul',
  'Div',
])

/** The input of the last linear layer, walking back from the output; null where there is none. */
function featuresBefore(
  graph: Graph,
  output: string,
  types: ReadonlyMap<string, TensorType>,
): string | null {
  const producers = producersOf(graph)
  const constants = constantsOf(graph)
  const fixed = (name: string) => graph.initializers.has(name) || constants.has(name) || name === ''
  let value = output
  for (;;) {
    const node = producers.get(value)
    if (!node) return null
    const [data, ...more] = node.inputs.filter((input) => !fixed(input))
    if (data === undefined) return null
    if (isLinear(node, types)) return more.length === 0 ? beforeDropout(data, producers) : null
    const branches = node.operator === 'Reshape' ? 0 : more.length
    if (!passing.has(node.operator) || branches > 0) return null
    value = data
  }
}

function isLinear(node: Node, types: ReadonlyMap<string, TensorType>): boolean {
  if (node.operator === 'Gemm' || node.operator === 'MatMul') return true
  const spatial = types.get(node.outputs[0] as string)?.dims.slice(2) ?? []
  return node.operator === 'Conv' && spatial.every((size) => size === 1)
}

/** Dropout and flattening before the classifier belong to it. */
function beforeDropout(value: string, producers: ReadonlyMap<string, Node>): string {
  const node = producers.get(value)
  const belongs = node?.operator === 'Dropout' || node?.operator === 'Identity'
  return belongs ? beforeDropout(node.inputs[0] as string, producers) : value
}
