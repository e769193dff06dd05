import { windowGeometry } from '../geometry.ts'
import { single } from '../rule.ts'
import type { Rules } from './differentiable.ts'

export const convolutionRules = {
  Conv: single((context, dy) => {
    const { builder, attributes, inputs, dims, outputs } = context
    const [x = '', w = ''] = inputs
    const geometry = {
      ...windowGeometry(attributes, dims(x).slice(2), dims(w).slice(2)),
      group: attributes.group,
      output_dims: dims(outputs[0] as string),
    }
    return [
      () => builder.op('graft.ConvInputGradient', [dy, w], { ...geometry, dims: dims(x) }),
      () => builder.op('graft.ConvWeightGradient', [x, dy], { ...geometry, dims: dims(x) }),
      () => builder.op('graft.ChannelSum', [dy], { dims: geometry.output_dims }),
    ]
  }),
  // A transposed convolution is the input gradient of a convolution: its own gradients are that convolution's forward and dW.
  ConvTranspose: single((context, dy) => {
    const { builder, attributes, inputs, outputs, dims } = context
    const [x = '', w = ''] = inputs
    const output = dims(outputs[0] as string)
    const spatial = output.slice(2)
    const kernel = dims(w).slice(2)
    const plain = windowGeometry({ ...attributes, auto_pad: 'NOTSET' }, spatial, kernel)
    const total = kernel.map((size, axis) => {
      const stride = plain.strides[axis] as number
      const extent = (size - 1) * (plain.dilations[axis] as number) + 1
      return ((dims(x)[axis + 2] as number) - 1) * stride + extent - (spatial[axis] as number)
    })
    // What the pads do not explain (output_padding, output_shape, auto_pad) is padding after, or cropping if negative.
    const before = total.map((sum, axis) => {
      const needed = sum + (attributes.output_padding?.[axis] ?? 0)
      if (attributes.auto_pad === 'SAME_UPPER') return Math.floor(needed / 2)
      const halved = attributes.auto_pad === 'SAME_LOWER' || attributes.output_shape
      return halved ? Math.ceil(needed / 2) : (plain.pads[axis] as number)
    })
    const after = total.map((sum, axis) => sum - (before[axis] as number))
    const geometry = { ...plain, pads: [...before, ...after], group: attributes.group }
    const cropped = after.some((pad) => pad < 0)
    const cotangent = () =>
      cropped
        ? builder.op('Pad', [
            dy,
            builder.int64s([
              0,
              0,
              ...before.map(() => 0),
              0,
              0,
              ...after.map((pad) => Math.min(pad, 0)),
            ]),
          ])
        : dy
    const visible = output.map((size, axis) =>
      axis < 2 ? size : size + Math.min(after[axis - 2] as number, 0),
    )
    const padded = { ...geometry, pads: [...before, ...after.map((pad) => Math.max(pad, 0))] }
    return [
      () => builder.op('Conv', [cotangent(), w], padded),
      () =>
        builder.op('graft.ConvWeightGradient', [cotangent(), x], {
          ...padded,
          dims: visible,
          output_dims: dims(x),
        }),
      () => builder.op('graft.ChannelSum', [dy], { dims: output }),
    ]
  }),
} satisfies Partial<Rules>
