import type { Draw } from '../../../testing/generate.ts'
import { testRules } from '../../../testing/test-rules.ts'
import { int64 } from '../../graph/tensor.ts'
import { indexingRules } from './indexing.ts'

const product = (dims: readonly number[]) => dims.reduce((size, dim) => size * dim, 1)

/** Distinct index vectors into the leading axes of `dims`, as [count, axes.length]. */
function distinctRows(d: Draw, dims: readonly number[]) {
  const count = d.integer(1, product(dims))
  const cells = d.random().shuffle(Array.from({ length: product(dims) }, (_, cell) => cell))
  const rows = cells.slice(0, count).flatMap((cell) => {
    let rest = cell
    return dims
      .toReversed()
      .map((size) => {
        const position = rest % size
        rest = Math.floor(rest / size)
        return position
      })
      .reverse()
  })
  return int64([count, dims.length], rows)
}

testRules(indexingRules, {
  Gather: {
    'any axis': (d) => {
      const dims = d.dims(1, 3)
      const axis = d.integer(0, dims.length - 1)
      return {
        inputs: [d.normal(dims), d.indices(d.dims(0, 2), dims[axis] as number)],
        attributes: { axis: axis - d.one(0, dims.length) },
      }
    },
    'one from the end': (d) => {
      const dims = d.dims(1, 3)
      const axis = d.integer(0, dims.length - 1)
      const index = d.integer(-(dims[axis] as number), -1)
      return {
        inputs: [d.normal(dims), int64(d.one([], [1]), [index])],
        attributes: { axis },
      }
    },
  },
  GatherElements: {
    'any axis, repeated': (d) => {
      const dims = d.dims(1, 3)
      const axis = d.integer(0, dims.length - 1)
      const shape = dims.with(axis, d.integer(1, 5))
      return {
        inputs: [d.normal(dims), d.indices(shape, dims[axis] as number)],
        attributes: { axis: axis - d.one(0, dims.length) },
      }
    },
  },
  GatherND: {
    'slices, repeated': (d) => {
      const dims = Array.from({ length: d.integer(1, 3) }, () => 3)
      const depth = d.integer(1, dims.length)
      return { inputs: [d.normal(dims), d.indices([...d.dims(0, 2), depth], 3)] }
    },
    'in batches': (d) => {
      const batch = d.dims(1, 2)
      const dims = [...batch, 3, ...d.dims(0, 1)]
      return {
        inputs: [d.normal(dims), d.indices([...batch, ...d.dims(0, 2), 1], 3)],
        attributes: { batch_dims: batch.length },
      }
    },
  },
  ScatterElements: {
    adding: (d) => {
      const dims = d.dims(1, 3)
      const axis = d.integer(0, dims.length - 1)
      const shape = dims.with(axis, d.integer(1, 5))
      return {
        inputs: [d.normal(dims), d.indices(shape, dims[axis] as number), d.normal(shape)],
        attributes: { axis, reduction: 'add' },
      }
    },
    replacing: (d) => {
      const [rows, columns] = d.integers(2, 1, 4) as [number, number]
      const order = Array.from({ length: rows }, () =>
        d.random().shuffle(Array.from({ length: columns }, (_, i) => i)),
      )
      const count = d.integer(1, columns)
      const shape = [rows, count]
      return {
        inputs: [
          d.normal([rows, columns]),
          int64(
            shape,
            order.flatMap((row) => row.slice(0, count)),
          ),
          d.normal(shape),
        ],
        attributes: { axis: 1 },
      }
    },
  },
  ScatterND: {
    replacing: (d) => {
      const dims = d.dims(1, 3, 3)
      const indices = distinctRows(d, dims.slice(0, d.integer(1, dims.length)))
      const [count, depth] = indices.dims as [number, number]
      return { inputs: [d.normal(dims), indices, d.normal([count, ...dims.slice(depth)])] }
    },
    'adding, repeated': (d) => {
      const dims = Array.from({ length: d.integer(1, 3) }, () => 3)
      const depth = d.integer(1, dims.length)
      return {
        inputs: [d.normal(dims), d.indices([5, depth], 3), d.normal([5, ...dims.slice(depth)])],
        attributes: { reduction: 'add' },
      }
    },
  },
})
