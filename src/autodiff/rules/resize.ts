import { GraftError } from '../../errors.ts'
import { describeNode } from '../../graph/graph.ts'
import { float32, sizeOf } from '../../graph/tensor.ts'
import { positiveAxis, type RuleContext, single } from '../rule.ts'
import type { Rules } from './differentiable.ts'

/** How one axis is resized: by the number that the node was given for it, and its part of the region of interest. */
type AxisResize = {
  readonly axis: number
  readonly size: number
  readonly result: number
  readonly scale: number
  readonly region: readonly [start: number, end: number] | undefined
}

export const resizeRules = {
  Resize: single((context, dy) => [() => resizeGradient(context, dy), null, null, null]),
} satisfies Partial<Rules>

/** Resizing is linear and works on each axis by itself, so its gradient is one matrix product an axis. */
function resizeGradient(context: RuleContext<'Resize'>, dy: string): string {
  const { builder, inputs, dims, scalar } = context
  const resized = resizedAxes(context)
  if (repeatsPixels(context, resized)) {
    const kernel = dims(inputs[0] as string).slice(2)
    const factors = kernel.map((_, i) => resized.find(({ axis }) => axis === i + 2)?.scale ?? 1)
    const mean = builder.op('AveragePool', [dy], { kernel_shape: factors, strides: factors })
    return builder.op('Mul', [mean, scalar(factors.reduce((count, factor) => count * factor, 1))])
  }
  let pulled = dy
  let shape = dims(context.outputs[0] as string)
  for (const resize of resized) {
    pulled = pullAxis(context, pulled, shape, resize)
    shape = shape.with(resize.axis, resize.size)
  }
  return pulled
}

/** The axes that are not simply copied. */
function resizedAxes({ attributes, inputs, outputs, dims, numbers, node }: RuleContext<'Resize'>) {
  if (attributes.keep_aspect_ratio_policy !== 'stretch') {
    const policy = attributes.keep_aspect_ratio_policy
    throw new GraftError(
      'unsupported',
      `${describeNode(node)}: no gradient of keep_aspect_ratio_policy "${policy}"`,
    )
  }
  const [x = '', roi = '', scales = ''] = inputs
  const [from, to] = [dims(x), dims(outputs[0] as string)]
  const axes = (attributes.axes ?? from.map((_, axis) => axis)).map((axis) =>
    positiveAxis(axis, from.length),
  )
  const given = scales !== '' && dims(scales).length > 0 ? numbers(scales) : []
  const crops = attributes.coordinate_transformation_mode === 'tf_crop_and_resize'
  const region = crops ? numbers(roi) : []
  return axes
    .map((axis, i): AxisResize => {
      const [size, result] = [from[axis] as number, to[axis] as number]
      return {
        axis,
        size,
        result,
        scale: given[i] ?? result / size,
        region: crops ? [region[i] as number, region[i + axes.length] as number] : undefined,
      }
    })
    .filter(({ scale, region }) => scale !== 1 || (region && (region[0] !== 0 || region[1] !== 1)))
}

/** The mappings that, for whole scales, copy every pixel `scale` times: then the gradient is a sum over windows. */
const repeating: Readonly<Record<string, readonly string[]>> = {
  asymmetric: ['floor'],
  half_pixel: ['round_prefer_floor', 'round_prefer_ceil'],
  pytorch_half_pixel: ['round_prefer_floor', 'round_prefer_ceil'],
}

function repeatsPixels(
  { attributes, inputs, dims }: RuleContext<'Resize'>,
  resized: readonly AxisResize[],
) {
  const { mode, coordinate_transformation_mode, nearest_mode } = attributes
  const rank = dims(inputs[0] as string).length
  return (
    mode === 'nearest' &&
    repeating[coordinate_transformation_mode]?.includes(nearest_mode) &&
    rank >= 3 &&
    rank <= 5 &&
    resized.every(({ axis, scale }) => axis >= 2 && Number.isInteger(scale))
  )
}

/**
 * The gradient along one axis. Resizing the identity matrix the same way gives the matrix of the map, whatever the mode: so ONNX
 * Runtime, which folds it into a constant, has the only say in how pixels are mapped.
 */
function pullAxis(
  { builder, attributes, inputs }: RuleContext<'Resize'>,
  value: string,
  shape: readonly number[],
  { axis, size, result, scale, region }: AxisResize,
): string {
  const identity = new Float32Array(size * size)
  for (let i = 0; i < size; i++) identity[i * size + i] = 1
  const bySize = (inputs[3] ?? '') !== ''
  const { axes: _, ...own } = attributes
  const columns = builder.op(
    'Resize',
    [
      builder.constant(float32([size, 1, 1, size], identity)),
      region && builder.constant(float32([8], [0, 0, 0, region[0], 1, 1, 1, region[1]])),
      bySize ? undefined : builder.constant(float32([4], [1, 1, 1, scale])),
      bySize ? builder.int64s([size, 1, 1, result]) : undefined,
    ],
    { ...own, extrapolation_value: 0 },
  )
  const matrix = builder.op('Reshape', [columns, builder.int64s([size, result])])
  if (axis === shape.length - 1) {
    return builder.op('MatMul', [value, builder.op('Transpose', [matrix], { perm: [1, 0] })])
  }
  const rows = builder.int64s([sizeOf(shape.slice(0, axis)), result, sizeOf(shape.slice(axis + 1))])
  const product = builder.op('MatMul', [matrix, builder.op('Reshape', [value, rows])])
  return builder.op('Reshape', [product, builder.int64s(shape.with(axis, size))])
}
