import type { Draw } from '../../../testing/generate.ts'
import { testRules } from '../../../testing/test-rules.ts'
import { convolutionRules } from './convolution.ts'

/** Groups, and the channels and filters of each; depthwise now and then. */
function channels(d: Draw): [group: number, channels: number, filters: number] {
  return [d.integer(1, 3), d.one(1, 2, 9), d.integer(1, 3)]
}

function convolution(d: Draw, rank: number) {
  const [group, each, filters] = channels(d)
  const kernel = d.integers(rank, 1, 3)
  const bias = d.boolean() ? [d.normal([group * filters])] : []
  return {
    inputs: [
      d.normal([d.integer(1, 2), group * each, ...d.integers(rank, 5, 7)]),
      d.normal([group * filters, each, ...kernel]),
      ...bias,
    ],
    attributes: { group, strides: d.integers(rank, 1, 3) },
  }
}

function transposed(d: Draw, rank: number) {
  const [group, each, filters] = channels(d)
  const kernel = d.integers(rank, 1, 3)
  const bias = d.boolean() ? [d.normal([group * filters])] : []
  return {
    inputs: [
      d.normal([d.integer(1, 2), group * each, ...d.integers(rank, 2, 4)]),
      d.normal([group * each, filters, ...kernel]),
      ...bias,
    ],
    attributes: { group, strides: d.integers(rank, 1, 3) },
  }
}

testRules(convolutionRules, {
  Conv: {
    'padded, strided, dilated': (d) => {
      const rank = d.integer(1, 3)
      const { inputs, attributes } = convolution(d, rank)
      const [dilations, pads] = [d.integers(rank, 1, 2), d.integers(2 * rank, 0, 3)]
      return { inputs, attributes: { ...attributes, dilations, pads } }
    },
    'padded to the same size': (d) => {
      const { inputs, attributes } = convolution(d, 2)
      return {
        inputs,
        attributes: { ...attributes, auto_pad: d.one('SAME_UPPER', 'SAME_LOWER', 'VALID') },
      }
    },
    'of many channels to few filters': (d) => {
      const channels = d.integer(8, 10)
      return {
        inputs: [
          d.normal([2, channels, ...d.integers(2, 5, 7)]),
          d.normal([d.integer(1, 3), channels, ...d.integers(2, 1, 3)]),
        ],
        attributes: { dilations: d.integers(2, 1, 2), pads: d.integers(4, 0, 3) },
      }
    },
    'one pixel': (d) => {
      const [channels, filters] = d.integers(2, 1, 9) as [number, number]
      const dims = d.one([3, 3], [1, 1], [15, 14])
      return {
        inputs: [d.normal([2, channels, ...dims]), d.normal([filters, channels, 1, 1])],
        attributes: { strides: d.one([1, 1], [2, 2]) },
      }
    },
  },
  ConvTranspose: {
    'padded, strided, dilated': (d) => {
      const rank = d.integer(1, 3)
      const { inputs, attributes } = transposed(d, rank)
      const [dilations, pads] = [d.integers(rank, 1, 2), d.integers(2 * rank, 0, 1)]
      const kernel = inputs[1]?.dims.slice(2) as number[]
      // A kernel of one pixel has nothing to crop.
      const possible = pads.map((pad, i) => Math.min(pad, (kernel[i % rank] as number) - 1))
      return { inputs, attributes: { ...attributes, dilations, pads: possible } }
    },
    'with output padding': (d) => {
      const { inputs, attributes } = transposed(d, 2)
      return {
        inputs,
        attributes: { ...attributes, output_padding: attributes.strides.map((s) => s - 1) },
      }
    },
    'of a given shape': (d) => {
      const { inputs, attributes } = transposed(d, 2)
      const [x, w] = inputs.map(({ dims }) => dims) as [number[], number[]]
      const output_shape = attributes.strides.map((stride, axis) => {
        const full = ((x[axis + 2] as number) - 1) * stride + (w[axis + 2] as number)
        return full - d.integer(0, Math.min(2, full - 1))
      })
      return { inputs, attributes: { ...attributes, output_shape } }
    },
    'as large as the strides': (d) => {
      const { inputs, attributes } = transposed(d, 2)
      return {
        inputs,
        attributes: { ...attributes, auto_pad: d.one('SAME_UPPER', 'SAME_LOWER') },
      }
    },
  },
})
