import { type Draw, double } from '../../../testing/generate.ts'
import { testRules } from '../../../testing/test-rules.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { poolingRules } from './pooling.ts'

const image = (d: Draw, dims: readonly number[]) => [d.integer(1, 2), d.integer(1, 2), ...dims]

const global = (values: (d: Draw) => (dims: readonly number[]) => Tensor) => ({
  'one to three dimensions': (d: Draw) => ({ inputs: [values(d)(image(d, d.dims(1, 3)))] }),
})

/** Windows of every kind that a pooling operator takes, over values of some kind. */
const windows = (values: (d: Draw) => (dims: readonly number[]) => Tensor) => ({
  'windows that tile': (d: Draw) => {
    const kernel_shape = d.dims(1, 3, 3)
    const dims = kernel_shape.map((size) => size * d.integer(1, 2))
    return {
      inputs: [values(d)(image(d, dims))],
      attributes: { kernel_shape, strides: kernel_shape },
    }
  },
  'windows side by side that leave something over': (d: Draw) => {
    const kernel_shape = d.dims(1, 3, 3)
    const dims = kernel_shape.map((size) => size * d.integer(1, 2) + d.integer(0, size - 1))
    return {
      inputs: [values(d)(image(d, dims))],
      attributes: { kernel_shape, strides: kernel_shape },
    }
  },
  'padded, strided, dilated': (d: Draw) => {
    const rank = d.integer(1, 2)
    const kernel_shape = d.integers(rank, 1, 3)
    const dilations = d.integers(rank, 1, 2)
    const pads = [...kernel_shape, ...kernel_shape].map((size) => d.integer(0, size - 1))
    return {
      inputs: [values(d)(image(d, d.integers(rank, 5, 7)))],
      attributes: { kernel_shape, dilations, pads, strides: d.integers(rank, 1, 3), ceil_mode: 0 },
      opset: 19,
    }
  },
  'the last window cut off': (d: Draw) => {
    const rank = d.integer(1, 2)
    const kernel_shape = d.integers(rank, 1, 3)
    const pads = [...kernel_shape, ...kernel_shape].map((size) => d.integer(0, size - 1))
    return {
      inputs: [values(d)(image(d, d.integers(rank, 3, 7)))],
      attributes: { kernel_shape, pads, strides: d.integers(rank, 1, 4), ceil_mode: 1 },
    }
  },
  'padded to the same size': (d: Draw) => {
    const strides = d.dims(1, 2, 2)
    return {
      inputs: [values(d)(image(d, d.integers(strides.length, 3, 6)))],
      attributes: {
        kernel_shape: strides.map((stride) => d.integer(stride, 3)),
        strides,
        auto_pad: d.one('SAME_UPPER', 'SAME_LOWER', 'VALID'),
      },
    }
  },
})

const average = windows((d) => d.normal)
const maximum = windows((d) => d.distinct)

const inDouble = <C extends { inputs: readonly Tensor[] }>(given: C) => ({
  ...given,
  inputs: given.inputs.map(double),
})

testRules(poolingRules, {
  AveragePool: {
    ...average,
    'padded, padding counted': (d) => {
      const { attributes, ...rest } = average['padded, strided, dilated'](d)
      return { ...rest, attributes: { ...attributes, count_include_pad: 1 } }
    },
    'the last window cut off, padding counted': (d) => {
      const { attributes, ...rest } = average['the last window cut off'](d)
      return { ...rest, attributes: { ...attributes, count_include_pad: 1 } }
    },
  },
  GlobalAveragePool: global((d) => d.normal),
  GlobalLpPool: global((d) => d.awayFromZero),
  GlobalMaxPool: global((d) => d.distinct),
  LpPool: {
    ...windows((d) => d.awayFromZero),
    'other powers': (d) => ({
      inputs: [d.awayFromZero([2, 1, 5])],
      attributes: { kernel_shape: [2], p: d.integer(1, 4) },
    }),
  },
  MaxPool: {
    ...maximum,
    'windows that tile, in double precision': (d) => inDouble(maximum['windows that tile'](d)),
    'padded, strided, dilated, in double precision': (d) =>
      inDouble(maximum['padded, strided, dilated'](d)),
    'a dilated window that ends far beyond the input': (d) => ({
      inputs: [d.distinct([1, 2, 3, 6, 5])],
      attributes: {
        kernel_shape: [3, 2, 3],
        strides: d.one([3, 2, 3], [2, 2, 2]),
        dilations: [1, 2, 1],
        pads: [1, 1, 1, 1, 1, 1],
        ceil_mode: 1,
      },
    }),
  },
})
