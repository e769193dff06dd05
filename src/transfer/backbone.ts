import { GraftError } from '../errors.ts'
import { cutAt } from '../graph/compose.ts'
import { dependentsOf, type Graph, type Node, producersOf } from '../graph/graph.ts'
import type { TensorType } from '../graph/tensor.ts'
import type { Runtime } from '../runtime/session.ts'
import type { ImageInput } from '../training/normalization.ts'
import { type Depth, featuresAt, findDepths } from './depths.ts'
import { acceptFloats, imageInput } from './image-input.ts'
import { openBatch } from './open-batch.ts'
import { type Pooling, poolingOf } from './pooling.ts'

/** A network that somebody trained before, cut before its classifier. */
export type Backbone = {
  /** From the image to one vector of features an image, float32 [N, F]; with the metadata of the whole. */
  readonly graph: Graph
  readonly image: ImageInput
  /** The value at which the network was cut. */
  readonly cut: string
  readonly features: number
  /** The whole network, from the image to scores or probabilities [N, K]; null where it ends in features. */
  readonly whole: Graph | null
  /** The network as it was read, for any number of images, and the types of its values for two. */
  readonly open: Graph
  readonly types: ReadonlyMap<string, TensorType>
  /** How far it can be reused, from the lowest depth to what its classifier reads. */
  readonly depths: readonly [Depth, ...Depth[]]
  /** Reused to its end: what it takes an image for. Null where it ends in features. */
  readonly scores: Depth | null
}

type Types = ReadonlyMap<string, TensorType>

/**
 * Cuts a network before its classifier: the last Gemm, MatMul or 1x1 Conv on the way to its first output. A network without one
 * ends in features already. Maps are averaged over their pixels, and tokens over their places.
 *
 * @throws GraftError `unsupported` where the network does not take images, or takes one number of them only, or ends in no features
 */
export async function cutBackbone(given: Graph, runtime: Runtime): Promise<Backbone> {
  const model = acceptFloats(given)
  const image = imageInput(model)
  const { graph: open, types, folded } = await openBatch(model, image, runtime)
  const output = open.outputs[0]?.name as string
  const classifier = classifierOf(open, output, types)
  const cut = classifier?.features ?? output
  const type = types.get(cut) as TensorType
  const channelsAt = (value: string) =>
    layoutAt(open, value, value === cut ? classifier?.node : undefined, types, image) === 'NCHW'
      ? 1
      : 3
  const pooling = poolingOf(cut, type, channelsAt(cut), true)
  if (!pooling) {
    throw new GraftError(
      'unsupported',
      `the backbone ends in "${cut}", ${type.type} [${type.dims.join(', ')}]: neither a vector, a map nor tokens for each image`,
    )
  }
  const { depths, blocks } = findDepths(folded, types, image, cut, channelsAt)
  const top: Depth = { ...pooling, name: cut, blocks, value: { type, channels: channelsAt(cut) } }
  const scores = types.get(output)
  const classifies = classifier && scores?.type === 'float32' && scores.dims.length === 2
  return {
    graph: featuresAt(open, [top]),
    image,
    cut,
    features: pooling.features,
    whole: classifies ? cutAt(open, output) : null,
    open,
    types,
    depths: [...depths, top] as unknown as [Depth, ...Depth[]],
    scores: classifies
      ? {
          ...rootsOfProbabilities(open, output, scores.dims[1] as number),
          name: output,
          blocks,
          value: null,
        }
      : null,
  }
}

/**
 * The square roots of a classifier's probabilities: their distances are those of distributions (Hellinger), and many small ones count
 * together.
 */
function rootsOfProbabilities(graph: Graph, output: string, classes: number): Pooling {
  const producers = producersOf(graph)
  let node = producers.get(output)
  while (node && passing.has(node.operator) && !(node.operator in probabilities)) {
    node = producers.get(node.inputs[0] as string)
  }
  const normalize = probabilities[node?.operator ?? ''] ?? 'Softmax'
  return {
    features: classes,
    write: (builder) =>
      builder.op('Sqrt', [normalize === 'Identity' ? output : builder.op(normalize, [output])]),
  }
}

/** What makes probabilities of a classifier's result, where it ended in one of these operators. */
const probabilities: Readonly<Record<string, 'Identity' | 'Exp'>> = {
  Softmax: 'Identity',
  Sigmoid: 'Identity',
  LogSoftmax: 'Exp',
}

/** Operators that a classifier's result passes on its way to the output. */
const passing = new Set([
  'Softmax',
  'LogSoftmax',
  'Sigmoid',
  'ArgMax',
  'Flatten',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
  'Identity',
  'Dropout',
  'Cast',
  'Add',
  'Sub',
  'Mul',
  'Div',
])

/** The last linear layer and its input, walking back from the output; undefined where there is none. */
function classifierOf(
  graph: Graph,
  output: string,
  types: Types,
): { readonly node: Node; readonly features: string } | undefined {
  const producers = producersOf(graph)
  const fed = dependentsOf(
    graph,
    graph.inputs.map(({ name }) => name),
  )
  let value = output
  for (;;) {
    const node = producers.get(value)
    const [data, ...more] = node?.inputs.filter((input) => fed.has(input)) ?? []
    if (!node || data === undefined) return undefined
    // The shape of a Reshape may be computed from the data too.
    if (more.length > 0 && node.operator !== 'Reshape') return undefined
    if (isLinear(node, types)) return { node, features: beforeDropout(data, producers) }
    if (!passing.has(node.operator)) return undefined
    value = data
  }
}

function isLinear(node: Node, types: Types): boolean {
  if (node.operator === 'Gemm' || node.operator === 'MatMul') return true
  const spatial = types.get(node.outputs[0] as string)?.dims.slice(2) ?? []
  return node.operator === 'Conv' && spatial.every((size) => size === 1)
}

/** Dropout before the classifier belongs to it. */
function beforeDropout(value: string, producers: ReadonlyMap<string, Node>): string {
  const node = producers.get(value)
  const belongs = node?.operator === 'Dropout' || node?.operator === 'Identity'
  return belongs ? beforeDropout(node.inputs[0] as string, producers) : value
}

/** Operators that take and give channels in one place. */
const layouts: Readonly<Record<string, ImageInput['layout']>> = {
  AveragePool: 'NCHW',
  BatchNormalization: 'NCHW',
  Conv: 'NCHW',
  GlobalAveragePool: 'NCHW',
  GlobalMaxPool: 'NCHW',
  LayerNormalization: 'NHWC',
  MatMul: 'NHWC',
  MaxPool: 'NCHW',
}

/**
 * Where the maps of a value have their channels. Exporters turn maps around within a network, so the layout of the image says little: the
 * nearest operator that needs one of the two decides, the one that reads the value or the last before it.
 */
function layoutAt(
  graph: Graph,
  value: string,
  reader: Node | undefined,
  types: Types,
  image: ImageInput,
): ImageInput['layout'] {
  const producers = producersOf(graph)
  let node = reader ?? producers.get(value)
  while (node) {
    const layout = layouts[node.operator]
    if (layout) return layout
    const turned = node.operator === 'Transpose' ? String(node.attributes.perm?.value) : ''
    if (turned === '0,2,3,1') return 'NHWC'
    if (turned === '0,3,1,2') return 'NCHW'
    const map = node.inputs.find((input) => types.get(input)?.dims.length === 4)
    node = producers.get(map ?? '')
  }
  return image.layout
}

/** What is wrong with a backbone whose features are infinite or no numbers. */
export const notFinite = () =>
  new GraftError(
    'unsupported',
    'the features of the backbone are not finite for these images: give --mean and --std as it was trained with, or another backbone',
  )
