import type { Draw } from '../../../testing/generate.ts'
import { testRules } from '../../../testing/test-rules.ts'
import { int64 } from '../../graph/tensor.ts'
import { reductionRules } from './reduction.ts'

type Values = (dims: readonly number[]) => ReturnType<Draw['normal']>

/** The ways to say which axes are reduced, with values of some kind. */
const axes = (values: (d: Draw) => Values) => ({
  'some axes': (d: Draw) => {
    const dims = d.dims(1, 4, 3)
    const chosen = dims.flatMap((_, axis) => (d.boolean() ? [axis - d.one(0, dims.length)] : []))
    return {
      inputs: [values(d)(dims), int64([chosen.length], chosen)],
      attributes: { keepdims: d.integer(0, 1) },
    }
  },
  'all axes': (d: Draw) => ({
    inputs: [values(d)(d.dims(0, 3, 3))],
    attributes: { keepdims: d.integer(0, 1) },
  }),
  'no axes': (d: Draw) => ({
    inputs: [values(d)(d.dims(1, 3)), int64([0], [])],
    attributes: { noop_with_empty_axes: 1, keepdims: d.integer(0, 1) },
  }),
})

const anywhere = axes((d) => d.normal)
const awayFromZero = axes((d) => d.awayFromZero)
const distinct = axes((d) => d.distinct)
const positive = axes((d) => (dims) => d.between(dims, 0.5, 2))

testRules(reductionRules, {
  CumSum: {
    'every direction': (d) => {
      const dims = d.dims(1, 3)
      const axis = d.integer(-dims.length, dims.length - 1)
      return {
        inputs: [d.normal(dims), int64([], [axis])],
        attributes: { exclusive: d.integer(0, 1), reverse: d.integer(0, 1) },
      }
    },
  },
  ReduceL1: awayFromZero,
  ReduceL2: awayFromZero,
  ReduceLogSum: positive,
  ReduceLogSumExp: anywhere,
  ReduceMax: distinct,
  ReduceMean: anywhere,
  ReduceMin: distinct,
  ReduceProd: {
    ...anywhere,
    'one zero or more in a row': (d) => {
      const x = d.awayFromZero([3, 4])
      const zeros = new Set(d.integers(d.integer(1, 6), 0, 11))
      const data = (x.data as Float32Array).map((value, i) => (zeros.has(i) ? 0 : value))
      return { inputs: [{ ...x, data }, int64([1], [1])] }
    },
  },
  ReduceSum: anywhere,
  ReduceSumSquare: anywhere,
  TopK: {
    'largest and smallest': (d) => {
      const dims = d.dims(1, 3)
      const axis = d.integer(0, dims.length - 1)
      return {
        inputs: [d.distinct(dims), int64([1], [d.integer(1, dims[axis] as number)])],
        attributes: { axis: axis - d.one(0, dims.length), largest: d.integer(0, 1) },
        outputs: 2,
      }
    },
  },
})
