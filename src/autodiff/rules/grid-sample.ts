import { elementTypes, int64, sizeOf } from '../../graph/tensor.ts'
import { addRows } from '../add-rows.ts'
import { type RuleContext, single } from '../rule.ts'
import type { Rules } from './differentiable.ts'

type Context = RuleContext<'GridSample'>

/** The pixels that one sample reads along one axis, as values [samples, taps], and how the sample depends on the grid. */
type AxisSampling = {
  readonly size: number
  readonly taps: number
  /** Positions of pixels, int64, within the axis. */
  readonly index: string
  readonly weight: string
  /** The derivative of the weights with respect to the grid. */
  readonly slope: string
}

/** By the names of operator set 16, and those of set 20. */
const interpolations: Readonly<Record<string, 'nearest' | 'linear' | 'cubic'>> = {
  nearest: 'nearest',
  bilinear: 'linear',
  linear: 'linear',
  bicubic: 'cubic',
  cubic: 'cubic',
}

/** The distances of the pixels read from the one before the sample. */
const offsets = { nearest: [0], linear: [0, 1], cubic: [-1, 0, 1, 2] } as const

export const gridSampleRules = {
  // Jaderberg et al. (2015): a sample is a sum of pixels, weighted by where the grid places it.
  GridSample: single((context, dy) => [
    () => imageGradient(context, dy),
    () => gridGradient(context, dy),
  ]),
} satisfies Partial<Rules>

/** Adds the cotangent of each sample, weighted, to the pixels that it read. */
function imageGradient(context: Context, dy: string): string {
  const { builder, scalar, inputs, dims } = context
  const [, grid = ''] = inputs
  const { batch, channels, spatial, axes, taps, rows, cotangents } = sampling(context, dy)
  const weights = product(
    context,
    axes,
    axes.map(({ weight }) => weight),
  )
  const column = reshape(context, weights, [-1, taps, 1])
  const shares = builder.op('Mul', [cotangents(1, channels), column])
  const count = sizeOf(dims(grid).slice(0, -1)) * taps
  const sum = addRows(
    { builder, known: new Map() },
    { rows: reshape(context, shares, [count, channels]), count, width: channels, zero: scalar(0) },
    rows(),
    batch * sizeOf(spatial),
  )
  return builder.op('Transpose', [reshape(context, sum, [batch, ...spatial, channels])], {
    perm: [0, spatial.length + 1, ...spatial.map((_, axis) => axis + 1)],
  })
}

/** Where a sample moves, its weights change. */
function gridGradient(context: Context, dy: string): string {
  const { builder, inputs, dims } = context
  const [x = '', grid = ''] = inputs
  const { channels, axes, taps, rows, cotangents } = sampling(context, dy)
  const image = reshape(context, channelsLast(context, x), [-1, channels])
  const pixels = builder.op('Gather', [image, rows()])
  // What the loss would gain from each pixel of a sample, were its weight one.
  const products = builder.op('MatMul', [pixels, cotangents(channels, 1)])
  const gains = reshape(context, products, [-1, taps])
  const slopes = axes.map((_, axis) => {
    const factors = axes.map(({ weight, slope }, other) => (other === axis ? slope : weight))
    const moved = builder.op('Mul', [gains, product(context, axes, factors)])
    return builder.op('ReduceSum', [moved, builder.int64s([1])], { keepdims: 1 })
  })
  // The grid names the last axis first.
  return reshape(context, builder.op('Concat', slopes.toReversed(), { axis: 1 }), dims(grid))
}

function sampling(context: Context, dy: string) {
  const { builder, inputs, dims } = context
  const [x = '', grid = ''] = inputs
  const [batch, channels, ...spatial] = dims(x) as [number, number, ...number[]]
  const samples = sizeOf(dims(grid)) / spatial.length
  const axes = spatial.map((size, axis) => sampleAxis(context, axis, size, samples))
  return {
    batch,
    channels,
    spatial,
    axes,
    /** How many pixels a sample reads. */
    taps: axes.reduce((count, axis) => count * axis.taps, 1),
    /** Which pixels these are, [samples, taps], as rows of the image whose rows are pixels. */
    rows() {
      const perImage = samples / batch
      const images = Array.from({ length: samples }, (_, sample) => Math.floor(sample / perImage))
      const first = builder.constant(int64([samples, 1], images))
      return axes.reduce((row, { index, size, taps }) => {
        const before = builder.op('Mul', [row, builder.scalar(size, 'int64')])
        return combined(context, 'Add', before, index, taps)
      }, first)
    },
    /** The cotangents of each sample as a matrix. */
    cotangents: (height: number, width: number) =>
      reshape(context, channelsLast(context, dy), [samples, height, width]),
  }
}

function reshape({ builder }: Context, value: string, dims: readonly number[]): string {
  return builder.op('Reshape', [value, builder.int64s(dims)])
}

function channelsLast({ builder, inputs, dims }: Context, value: string): string {
  const spatial = dims(inputs[0] as string).slice(2)
  return builder.op('Transpose', [value], { perm: [0, ...spatial.map((_, i) => i + 2), 1] })
}

/** The products of one factor of each axis, for every pixel of a sample: [samples, taps]. */
function product(
  context: Context,
  axes: readonly AxisSampling[],
  factors: readonly string[],
): string {
  return factors.reduce((all, factor, axis) =>
    combined(context, 'Mul', all, factor, (axes[axis] as AxisSampling).taps),
  )
}

/** All pairs of the taps [samples, a] so far and those [samples, b] of one more axis: [samples, a * b]. */
function combined(
  context: Context,
  operator: 'Add' | 'Mul',
  left: string,
  right: string,
  taps: number,
): string {
  const { builder } = context
  const column = builder.op('Unsqueeze', [left, builder.int64s([2])])
  const pairs = builder.op(operator, [column, reshape(context, right, [-1, 1, taps])])
  return builder.op('Flatten', [pairs])
}

function sampleAxis(context: Context, axis: number, size: number, samples: number): AxisSampling {
  const { builder, scalar, attributes, inputs, dims, type } = context
  const { op } = builder
  const [x = '', grid = ''] = inputs
  const rank = dims(x).length - 2
  const kind = interpolations[attributes.mode] ?? 'linear'
  const { type: element } = type(x)
  const coordinate = op('Reshape', [
    op('Gather', [grid, builder.int64s([rank - 1 - axis])], { axis: -1 }),
    builder.int64s([samples, 1]),
  ])
  // [-1, 1] reaches from centre to centre of the outermost pixels, or from border to border.
  const scale = (attributes.align_corners ? size - 1 : size) / 2
  const centre = (size - 1) / 2
  const position = op('Add', [op('Mul', [coordinate, scalar(scale)]), scalar(centre)])
  const first = op(kind === 'nearest' ? 'Round' : 'Floor', [position])
  const distances = new elementTypes[element as 'float32'].array(offsets[kind])
  const dimsOfDistances = [distances.length]
  const pixels = op('Add', [
    first,
    builder.constant({ type: element, dims: dimsOfDistances, data: distances }),
  ])
  const reflected = attributes.padding_mode === 'reflection'
  const inside = op('Clip', [
    reflected ? reflect(context, pixels, size) : pixels,
    scalar(0),
    scalar(size - 1),
  ])
  const exists = () =>
    op('Cast', [op('Equal', [pixels, inside])], { to: elementTypes[element].code })
  const visible = (value: string) =>
    attributes.padding_mode === 'zeros' ? op('Mul', [value, exists()]) : value
  const { weight, slope } = weights(context, kind, op('Sub', [position, first]))
  return {
    size,
    taps: distances.length,
    index: op('Cast', [inside], { to: elementTypes.int64.code }),
    weight: visible(weight),
    slope: op('Mul', [visible(slope), scalar(scale)]),
  }
}

/** Where a pixel outside is mirrored to: a triangular wave, forth and back between the ends. */
function reflect({ builder, scalar, attributes }: Context, pixel: string, size: number): string {
  const { op } = builder
  const [low, range] = attributes.align_corners ? [0, size - 1] : [-0.5, size]
  if (range === 0) return pixel
  const start = op('Sub', [pixel, scalar(low)])
  const periods = op('Floor', [op('Div', [start, scalar(2 * range)])])
  const phase = op('Sub', [start, op('Mul', [periods, scalar(2 * range)])])
  const distance = op('Abs', [op('Sub', [phase, scalar(range)])])
  return op('Sub', [scalar(low + range), distance])
}

/** The weights [samples, taps] by the distance t in [0, 1) from the pixel before the sample, and their derivatives by t. */
function weights(
  { builder, scalar }: Context,
  kind: 'nearest' | 'linear' | 'cubic',
  t: string,
): { readonly weight: string; readonly slope: string } {
  const { op } = builder
  const constant = (value: number) => op('Add', [op('Mul', [t, scalar(0)]), scalar(value)])
  const rows = (values: readonly string[]) => op('Concat', values, { axis: 1 })
  if (kind === 'nearest') return { weight: constant(1), slope: constant(0) }
  if (kind === 'linear') {
    return {
      weight: rows([op('Sub', [scalar(1), t]), t]),
      slope: rows([constant(-1), constant(1)]),
    }
  }
  // Keys (1981) with a = -0.75, each as a polynomial of t.
  const polynomial = (coefficients: readonly number[]) =>
    coefficients
      .slice(1)
      .reduce(
        (sum, c) => op('Add', [op('Mul', [sum, t]), scalar(c)]),
        constant(coefficients[0] as number),
      )
  const a = -0.75
  const cubics = [
    [a, -2 * a, a, 0],
    [a + 2, -(a + 3), 0, 1],
    [-(a + 2), 2 * a + 3, -a, 0],
    [-a, a, 0, 0],
  ]
  return {
    weight: rows(cubics.map(polynomial)),
    slope: rows(cubics.map(([c3 = 0, c2 = 0, c1 = 0]) => polynomial([3 * c3, 2 * c2, c1]))),
  }
}
