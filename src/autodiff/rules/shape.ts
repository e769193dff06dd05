import { GraftError } from '../../errors.ts'
import type { GraphBuilder } from '../../graph/builder.ts'
import { describeNode } from '../../graph/graph.ts'
import { elementTypes } from '../../graph/tensor.ts'
import {
  broadcast,
  elementwise,
  padAxis,
  positiveAxis,
  type RuleContext,
  single,
  zerosLike,
} from '../rule.ts'
import type { Rules } from './differentiable.ts'

/** The gradient of anything that only rearranges axes: the input's dimensions again. */
const reshaped = single((context: RuleContext, dy) => {
  const [x = ''] = context.inputs
  return [() => context.builder.op('Reshape', [dy, context.builder.int64s(context.dims(x))]), null]
})

function slice(
  builder: GraphBuilder,
  value: string,
  axis: number,
  start: number,
  end: number,
  step = 1,
) {
  const one = (number: number) => builder.int64s([number])
  return builder.op('Slice', [value, one(start), one(end), one(axis), one(step)])
}

/** Puts a slice's cotangent back in its place along one axis of `size`, with zeros around it. */
function unslice(
  builder: GraphBuilder,
  value: string,
  dims: readonly number[],
  axis: number,
  { start, step, size }: { start: number; step: number; size: number },
): string {
  const count = dims[axis] as number
  if (step < 0) {
    const reversed = slice(builder, value, axis, -1, -(2 ** 62), -1)
    const first = start + (count - 1) * step
    return unslice(builder, reversed, dims, axis, { start: first, step: -step, size })
  }
  let spread = value
  let length = count
  if (step > 1) {
    const wide = [...dims.slice(0, axis + 1), 1, ...dims.slice(axis + 1)]
    const apart = padAxis(
      builder,
      builder.op('Reshape', [value, builder.int64s(wide)]),
      wide.length,
      axis + 1,
      0,
      step - 1,
    )
    length = count * step
    spread = builder.op('Reshape', [apart, builder.int64s(dims.with(axis, length))])
  }
  return padAxis(builder, spread, dims.length, axis, start, size - start - length)
}

/** How one axis of a padded tensor was filled: runs of source positions, ascending or descending. */
type Run = {
  readonly at: number
  readonly source: number
  readonly length: number
  readonly step: 1 | 0 | -1
}

/** The runs of border cells for each mode of `Pad`, along an axis of `size`. */
const borderRuns: Readonly<
  Record<string, (size: number, before: number, after: number) => readonly Run[]>
> = {
  constant: () => [],
  edge: (size, before, after) => [
    { at: 0, source: 0, length: before, step: 0 },
    { at: before + size, source: size - 1, length: after, step: 0 },
  ],
  reflect: (size, before, after) => [
    { at: 0, source: before, length: before, step: -1 },
    { at: before + size, source: size - 2, length: after, step: -1 },
  ],
  wrap: (size, before, after) => [
    { at: 0, source: size - before, length: before, step: 1 },
    { at: before + size, source: 0, length: after, step: 1 },
  ],
}

function unpad(context: RuleContext<'Pad'>, dy: string): string {
  const { builder, attributes, inputs, dims, node } = context
  const [x = '', padsInput = '', , axesInput = ''] = inputs
  const runsOf = borderRuns[attributes.mode]
  if (!runsOf)
    throw new GraftError('unsupported', `${describeNode(node)} has mode "${attributes.mode}"`)
  const target = dims(x)
  const pads = context.numbers(padsInput)
  const axes = axesInput === '' ? target.map((_, axis) => axis) : context.numbers(axesInput)
  let value = dy
  // The last axis was padded last: it is taken off first.
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = positiveAxis(axes[i] as number, target.length)
    const [before, after] = [pads[i] as number, pads[i + axes.length] as number]
    if (before === 0 && after === 0) continue
    const size = target[axis] as number
    const whole = value
    const parts = [padAxis(builder, whole, target.length, axis, -before, -after)]
    for (const { at, source, length, step } of runsOf(
      size,
      Math.max(before, 0),
      Math.max(after, 0),
    )) {
      if (length === 0) continue
      let run = slice(builder, whole, axis, at, at + length)
      let first = source
      let count = length
      if (step === 0) {
        run = builder.op('ReduceSum', [run, builder.int64s([axis])], { keepdims: 1 })
        count = 1
      } else if (step === -1) {
        run = slice(builder, run, axis, -1, -(2 ** 62), -1)
        first = source - length + 1
      }
      parts.push(padAxis(builder, run, target.length, axis, first, size - first - count))
    }
    value = parts.length === 1 ? (parts[0] as string) : builder.op('Sum', parts)
  }
  return value
}

export const shapeRules = {
  Cast: single((context, dy) => {
    const { builder, inputs, type } = context
    const { type: from } = type(inputs[0] as string)
    const float = from === 'float32' || from === 'float64' || from === 'float16'
    return [float ? () => builder.op('Cast', [dy], { to: elementTypes[from].code }) : null]
  }),
  CastLike: single(({ builder, inputs }, dy) => [
    () => builder.op('CastLike', [dy, inputs[0]]),
    null,
  ]),
  Concat: single(({ builder, attributes, inputs, outputs, dims }, dy) => {
    const axis = positiveAxis(attributes.axis as number, dims(outputs[0] as string).length)
    const sizes = inputs.map((input) => dims(input)[axis] as number)
    let parts: readonly string[] | undefined
    return inputs.map((_, index) => () => {
      parts ??= builder.ops('Split', [dy, builder.int64s(sizes)], { axis }, sizes.length)
      return parts[index] as string
    })
  }),
  DepthToSpace: elementwise(({ builder, attributes: { mode, blocksize = 1 }, dims }, { x, dy }) => {
    if (mode !== 'CRD') return builder.op('SpaceToDepth', [dy], { blocksize })
    const [n, c, h, w] = dims(x) as [number, number, number, number]
    const depth = c / blocksize ** 2
    const apart = builder.int64s([n, depth, h, blocksize, w, blocksize])
    const split = builder.op('Reshape', [dy, apart])
    const moved = builder.op('Transpose', [split], { perm: [0, 1, 3, 5, 2, 4] })
    return builder.op('Reshape', [moved, builder.int64s(dims(x))])
  }),
  Expand: broadcast(single((_, dy) => [() => dy, null])),
  Flatten: reshaped,
  Pad: single((context, dy) => {
    const { builder } = context
    const dx = () => unpad(context, dy)
    // The border's value gets what the input does not.
    const total = (value: string) => builder.op('ReduceSum', [value], { keepdims: 0 })
    return [dx, null, () => builder.op('Sub', [total(dy), total(dx())]), null]
  }),
  Reshape: reshaped,
  Slice: single((context, dy) => {
    const { builder, inputs, outputs, dims, numbers } = context
    const [data = '', starts = '', , axesInput = '', stepsInput = ''] = inputs
    return [
      () => {
        const from = dims(data)
        const first = numbers(starts)
        const axes = axesInput === '' ? first.map((_, axis) => axis) : numbers(axesInput)
        const steps = stepsInput === '' ? first.map(() => 1) : numbers(stepsInput)
        let shape = [...dims(outputs[0] as string)]
        let value = dy
        axes.forEach((given, i) => {
          const axis = positiveAxis(given, from.length)
          const size = from[axis] as number
          const step = steps[i] as number
          const low = step < 0 ? -1 : 0
          const high = step < 0 ? size - 1 : size
          const start = Math.min(Math.max(positiveAxis(first[i] as number, size), low), high)
          value = unslice(builder, value, shape, axis, { start, step, size })
          shape = shape.with(axis, size)
        })
        return value
      },
      null,
      null,
      null,
      null,
    ]
  }),
  SpaceToDepth: elementwise(({ builder, attributes: { blocksize } }, { dy }) =>
    builder.op('DepthToSpace', [dy], {
      ...(blocksize !== undefined && { blocksize }),
      mode: 'DCR',
    }),
  ),
  Split: (context, cotangents) => {
    const { builder, attributes, outputs } = context
    const present = outputs.map((output, i) => cotangents[i] ?? zerosLike(context, output))
    return [() => builder.op('Concat', present, { axis: attributes.axis }), null]
  },
  Squeeze: reshaped,
  Tile: single(({ builder, inputs, dims, numbers }, dy) => {
    const [x = '', repeats = ''] = inputs
    return [
      () => {
        const apart = numbers(repeats).flatMap((count, axis) => [count, dims(x)[axis] as number])
        const axes = builder.int64s(dims(x).map((_, axis) => axis * 2))
        const split = builder.op('Reshape', [dy, builder.int64s(apart)])
        return builder.op('ReduceSum', [split, axes], { keepdims: 0 })
      },
      null,
    ]
  }),
  Transpose: single(({ builder, attributes, inputs, dims }, dy) => {
    const rank = dims(inputs[0] as string).length
    const perm = attributes.perm ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis)
    return [
      () => builder.op('Transpose', [dy], { perm: perm.map((_, axis) => perm.indexOf(axis)) }),
    ]
  }),
  Trilu: single(({ builder, attributes: { upper }, inputs }, dy) => [
    () => builder.op('Trilu', [dy, inputs[1]], { upper }),
    null,
  ]),
  Unsqueeze: reshaped,
} satisfies Partial<Rules>
