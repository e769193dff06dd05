import type { Draw } from '../../../testing/generate.ts'
import { testRules } from '../../../testing/test-rules.ts'
import { elementTypes, float32, int64 } from '../../graph/tensor.ts'
import { shapeRules } from './shape.ts'

const vector = (values: readonly number[]) => int64([values.length], values)

/** Pads at both ends of every axis. */
const padding = (mode: string, limit: (dim: number) => number) => (d: Draw) => {
  const dims = d.dims(1, 3)
  const pads = [...dims, ...dims].map((dim) => d.integer(0, limit(dim)))
  return { inputs: [d.normal(dims), vector(pads)], attributes: { mode } }
}

testRules(shapeRules, {
  Cast: {
    'to double and back': (d) => ({
      inputs: [d.normal(d.dims(0, 2))],
      attributes: { to: elementTypes.float64.code },
    }),
  },
  CastLike: {
    'to double': (d) => ({
      inputs: [
        d.normal(d.dims(0, 2)),
        { type: 'float64', dims: [1], data: Float64Array.of(0) } as const,
      ],
      fixed: [1],
    }),
  },
  Concat: {
    'any axis': (d) => {
      const dims = d.dims(1, 3)
      const axis = d.integer(0, dims.length - 1)
      const parts = d.integers(d.integer(1, 3), 1, 3)
      return {
        inputs: parts.map((size) => d.normal(dims.with(axis, size))),
        attributes: { axis: axis - d.one(0, dims.length) },
      }
    },
  },
  DepthToSpace: {
    'both orders': (d) => {
      const blocksize = d.integer(1, 3)
      const [n, c, h, w] = d.integers(4, 1, 2) as [number, number, number, number]
      return {
        inputs: [d.normal([n, c * blocksize ** 2, h, w])],
        attributes: { blocksize, mode: d.one('DCR', 'CRD') },
      }
    },
  },
  Expand: {
    'new axes and ones': (d) => {
      const dims = d.dims(0, 4, 3)
      return { inputs: [d.normal(d.broadcastable(dims)), vector(dims)] }
    },
  },
  Flatten: {
    'any axis': (d) => {
      const dims = d.dims(1, 4, 3)
      return {
        inputs: [d.normal(dims)],
        attributes: { axis: d.integer(-dims.length, dims.length) },
      }
    },
  },
  Pad: {
    constant: (d) => {
      const { inputs, attributes } = padding('constant', () => 2)(d)
      return { inputs: [...inputs, float32([], [0.5])], attributes }
    },
    cropping: (d) => {
      const dims = d.dims(1, 3).map((dim) => dim + 2)
      return { inputs: [d.normal(dims), vector(d.integers(2 * dims.length, -1, 2))] }
    },
    'some axes': (d) => {
      const dims = d.dims(2, 3)
      return {
        inputs: [d.normal(dims), vector(d.integers(2, 0, 2)), undefined, vector([d.one(-1, 0)])],
      }
    },
    edge: padding('edge', () => 2),
    reflect: padding('reflect', (dim) => dim - 1),
    wrap: (d) => ({ ...padding('wrap', (dim) => dim)(d), opset: 19 }),
  },
  Reshape: {
    'to one axis less': (d) => {
      const dims = d.dims(1, 4, 3)
      const target = dims.length === 1 ? [-1] : [0, -1, ...dims.slice(3)]
      return { inputs: [d.normal(dims), vector(target)] }
    },
  },
  Slice: {
    'any start, end and step': (d) => {
      const dims = d.dims(1, 3, 6)
      const axes = dims.flatMap((_, axis) => (d.boolean() ? [axis] : []))
      const ranges = axes.map((axis) => {
        const size = dims[axis] as number
        const [low, high] = d.integers(2, 0, size - 1).sort((a, b) => a - b) as [number, number]
        const step = d.integer(1, 3)
        // A descending range that ends before the first element has to say so from the end.
        return d.boolean()
          ? { start: d.one(low, low - size), end: d.one(high + 1, size + 5), step }
          : { start: d.one(high, high - size, size + 3), end: low - 1 - size, step: -step }
      })
      return {
        inputs: [
          d.normal(dims),
          vector(ranges.map(({ start }) => start)),
          vector(ranges.map(({ end }) => end)),
          vector(axes.map((axis) => axis - d.one(0, dims.length))),
          vector(ranges.map(({ step }) => step)),
        ],
      }
    },
    'the first axes': (d) => {
      const dims = d.dims(1, 3)
      return { inputs: [d.normal(dims), vector([0]), vector([d.integer(1, 9)])] }
    },
  },
  SpaceToDepth: {
    blocks: (d) => {
      const blocksize = d.integer(1, 3)
      const [n, c, h, w] = d.integers(4, 1, 2) as [number, number, number, number]
      return {
        inputs: [d.normal([n, c, h * blocksize, w * blocksize])],
        attributes: { blocksize },
      }
    },
  },
  Split: {
    'given sizes': (d) => {
      const sizes = d.integers(d.integer(1, 3), 1, 3)
      const dims = d.dims(1, 3)
      const axis = d.integer(0, dims.length - 1)
      return {
        inputs: [
          d.normal(
            dims.with(
              axis,
              sizes.reduce((a, b) => a + b),
            ),
          ),
          vector(sizes),
        ],
        attributes: { axis: axis - d.one(0, dims.length) },
        outputs: sizes.length,
      }
    },
    'equal parts': (d) => {
      const parts = d.integer(1, 3)
      return {
        inputs: [d.normal([parts * d.integer(1, 2), 2])],
        attributes: { num_outputs: parts },
        outputs: parts,
      }
    },
  },
  Squeeze: {
    'given axes': (d) => {
      const dims = d.dims(1, 3)
      const axis = d.integer(0, dims.length)
      return { inputs: [d.normal(dims.toSpliced(axis, 0, 1)), vector([axis])] }
    },
    'every axis of size 1': (d) => ({ inputs: [d.normal(d.dims(1, 4, 2))] }),
  },
  Tile: {
    'every axis': (d) => {
      const dims = d.dims(1, 3)
      return { inputs: [d.normal(dims), vector(d.integers(dims.length, 1, 3))] }
    },
  },
  Transpose: {
    'any order': (d) => {
      const dims = d.dims(1, 4, 3)
      return {
        inputs: [d.normal(dims)],
        attributes: { perm: d.random().shuffle(dims.map((_, axis) => axis)) },
      }
    },
    reversed: (d) => ({ inputs: [d.normal(d.dims(0, 4, 3))] }),
  },
  Trilu: {
    'both halves': (d) => ({
      inputs: [d.normal([...d.dims(0, 1), 3, 4]), int64([], [d.integer(-2, 2)])],
      attributes: { upper: d.integer(0, 1) },
    }),
  },
  Unsqueeze: {
    'two axes': (d) => ({ inputs: [d.normal(d.dims(0, 2)), vector(d.one([0, -1], [1, 0]))] }),
  },
})
