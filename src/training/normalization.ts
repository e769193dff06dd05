import type { GraphBuilder } from '../graph/builder.ts'
import { prepend } from '../graph/compose.ts'
import type { Graph } from '../graph/graph.ts'
import { elementTypes, float32 } from '../graph/tensor.ts'

/** How raw pixels become a network's input: (x / 255 - mean) / std for each channel, in the order the network wants. */
export type Normalization = {
  readonly name: string
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly order: 'RGB' | 'BGR'
}

/** A normalization of one number, or one for each colour, as one for the channels that a network has. */
export function forChannels(normalization: Normalization, channels: number): Normalization {
  const spread = (values: readonly number[]) => {
    if (values.length === channels) return values
    return Array<number>(channels).fill(values.reduce((a, b) => a + b, 0) / values.length)
  }
  return { ...normalization, mean: spread(normalization.mean), std: spread(normalization.std) }
}

/** The usual normalizations, which are tried where a backbone does not say its own. */
export function usualNormalizations(channels: number): readonly Normalization[] {
  const same = (name: string, mean: number, std: number): Normalization => ({
    name,
    mean: Array(channels).fill(mean),
    std: Array(channels).fill(std),
    order: 'RGB',
  })
  const imagenet: Normalization = {
    name: 'ImageNet mean and std',
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    order: 'RGB',
  }
  return [
    same('x/255', 0, 1),
    same('[-1, 1]', 0.5, 0.5),
    ...(channels === 3 ? [imagenet] : [same('ImageNet mean and std', 0.449, 0.226)]),
    same('raw', 0, 1 / 255),
  ]
}

/** What networks of our own take: pixels from -1 to 1. */
export function halfNormalization(channels: number): Normalization {
  const half = Array<number>(channels).fill(0.5)
  return { name: '[-1, 1]', mean: half, std: half, order: 'RGB' }
}

/** The ranges of `Image.NominalPixelRange` (ONNX, docs/MetadataProps.md) as mean and std of x / 255. */
const pixelRanges: Readonly<Record<string, readonly [mean: number, std: number]>> = {
  NominalRange_0_255: [0, 1 / 255],
  Normalized_0_1: [0, 1],
  Normalized_1_1: [0.5, 0.5],
  NominalRange_16_235: [-16 / 219, 1 / 219],
}

/**
 * The normalization that a model's metadata gives: `mean` and `std` (of x / 255, or of x where a mean is above 3) as lists of numbers, as
 * Graft and many exporters write them, or ONNX's own `Image.NominalPixelRange` and `Image.BitmapPixelFormat`.
 */
export function normalizationFromMetadata(
  metadata: Readonly<Record<string, string>>,
  channels: number,
): Normalization | null {
  const order = metadata['Image.BitmapPixelFormat']?.toLowerCase().startsWith('bgr') ? 'BGR' : 'RGB'
  const find = (...keys: string[]) => {
    const key = Object.keys(metadata).find((name) => keys.includes(name.toLowerCase()))
    return key === undefined ? null : numbersIn(metadata[key] as string, channels)
  }
  const mean = find('mean', 'image_mean', 'graft.mean')
  const std = find('std', 'image_std', 'graft.std')
  if (mean && std?.every((value) => value > 0)) {
    const scale = Math.max(...mean, ...std) > 3 ? 255 : 1
    return {
      name: 'metadata',
      mean: mean.map((value) => value / scale),
      std: std.map((value) => value / scale),
      order,
    }
  }
  const range = pixelRanges[metadata['Image.NominalPixelRange'] ?? '']
  if (!range) return null
  return {
    name: 'metadata',
    mean: Array(channels).fill(range[0]),
    std: Array(channels).fill(range[1]),
    order,
  }
}

/** The numbers in a text such as `[0.5, 0.5, 0.5]` or `0.5`, one for each channel; null where they do not fit. */
export function numbersIn(text: string, channels: number): number[] | null {
  const numbers = text.match(/[-+]?\d*\.?\d+(e[-+]?\d+)?/gi)?.map(Number) ?? []
  if (numbers.length === 1) return Array(channels).fill(numbers[0])
  return numbers.length === channels ? numbers : null
}

/** The input that every network of Graft has in the end: raw pixels, uint8 [N, height, width, channels]. */
export const pixelsInput = 'pixels'

export type ImageInput = {
  readonly input: string
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly layout: 'NCHW' | 'NHWC'
}

/** Puts the normalization before a network, so that it takes raw pixels. */
export function takePixels(graph: Graph, image: ImageInput, normalization: Normalization): Graph {
  const { input, height, width, channels, layout } = image
  return prepend(graph, input, (builder) => {
    const pixels = builder.input(pixelsInput, 'uint8', ['N', height, width, channels])
    let value = builder.op('Cast', [pixels], { to: elementTypes.float32.code })
    if (normalization.order === 'BGR' && channels === 3) {
      value = builder.op('Gather', [value, builder.int64s([2, 1, 0])], { axis: 3 })
    }
    if (layout === 'NCHW') value = builder.op('Transpose', [value], { perm: [0, 3, 1, 2] })
    return scale(builder, value, image, normalization)
  })
}

function scale(
  builder: GraphBuilder,
  value: string,
  { channels, layout }: ImageInput,
  { mean, std }: Normalization,
): string {
  const factors = std.map((deviation) => 1 / (255 * deviation))
  const offsets = mean.map((centre, channel) => -centre / (std[channel] as number))
  const perChannel = (values: readonly number[]) => {
    if (new Set(values).size === 1) return builder.scalar(values[0] as number)
    return builder.constant(float32(layout === 'NCHW' ? [channels, 1, 1] : [channels], values))
  }
  const scaled = factors.every((factor) => factor === 1)
    ? value
    : builder.op('Mul', [value, perChannel(factors)])
  return offsets.every((offset) => offset === 0)
    ? scaled
    : builder.op('Add', [scaled, perChannel(offsets)])
}
