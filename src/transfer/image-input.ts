import { GraftError } from '../errors.ts'
import { createBuilder } from '../graph/builder.ts'
import type { Graph, ValueInfo } from '../graph/graph.ts'
import { renameValues } from '../graph/subgraphs.ts'
import type { ImageInput } from '../training/normalization.ts'

/** The height and width of images where a graph leaves them open. */
export const openSize = 224

type Dims = ValueInfo['dims']

const isChannels = (dim: number | string | undefined) => dim === 1 || dim === 3

/** Where a batch of images has its channels: second, unless only the last axis can be them. */
export function layoutOf(dims: Dims): ImageInput['layout'] {
  return !isChannels(dims[1]) && isChannels(dims[3]) ? 'NHWC' : 'NCHW'
}

/**
 * A network that takes bytes, as those do that Graft exports, as one that takes the same numbers as float32 and says in its metadata that
 * they go from 0 to 255. Any other network stays as it is.
 */
export function acceptFloats(model: Graph): Graph {
  const [input, ...others] = model.inputs
  if (input?.type !== 'uint8' || others.length > 0) return model
  const name = createBuilder(model.name, model).fresh(`${input.name} as float32`)
  const rename = (value: string) => (value === input.name ? name : value)
  return {
    ...model,
    inputs: [{ ...input, name, type: 'float32' }],
    nodes: model.nodes.map((node) => renameValues(node, rename)),
    metadata: { ...model.metadata, 'Image.NominalPixelRange': 'NominalRange_0_255' },
  }
}

/**
 * The one input of a network for images, and how it is laid out.
 *
 * @throws GraftError `unsupported` where there are several inputs, or one that is no batch of float32 images
 */
export function imageInput(model: Graph): ImageInput {
  const [input, ...others] = model.inputs
  if (!input || others.length > 0) {
    const names = model.inputs.map(({ name }) => `"${name}"`).join(', ')
    throw new GraftError(
      'unsupported',
      `a backbone takes one image input, not ${model.inputs.length}${names && ` (${names})`}`,
    )
  }
  const { name, type, dims } = input
  const layout = layoutOf(dims)
  const [channels = 3, height, width] =
    layout === 'NCHW' ? [dims[1], dims[2], dims[3]] : [dims[3], dims[1], dims[2]]
  const fits = typeof channels === 'string' || isChannels(channels)
  if (type !== 'float32' || dims.length !== 4 || !fits) {
    throw new GraftError(
      'unsupported',
      `a backbone takes grey or colour images, float32 or uint8 [N, C, H, W] or [N, H, W, C]; its input "${name}" is ${type} [${dims.join(', ')}]`,
    )
  }
  const size = (dim: number | string | undefined) => (typeof dim === 'number' ? dim : openSize)
  return {
    input: name,
    layout,
    channels: typeof channels === 'number' ? channels : 3,
    height: size(height),
    width: size(width),
  }
}

/** A network that leaves the size of its images open, for images of one size. One of a fixed size stays as it is. */
export function withImageSize(
  model: Graph,
  { height, width }: Pick<ImageInput, 'height' | 'width'>,
): Graph {
  const sized = ({ dims }: ValueInfo): Dims => {
    if (dims.length !== 4) return dims
    const sizes =
      layoutOf(dims) === 'NCHW' ? [null, null, height, width] : [null, height, width, null]
    return dims.map((dim, axis) => (typeof dim === 'number' ? dim : (sizes[axis] ?? dim)))
  }
  const inputs = model.inputs.map((input) => ({ ...input, dims: sized(input) }))
  return { ...model, inputs }
}

/** The dimensions of a batch of images as the network takes them. */
export function batchDims(
  { layout, channels, height, width }: ImageInput,
  batch: number,
): number[] {
  return layout === 'NCHW' ? [batch, channels, height, width] : [batch, height, width, channels]
}
