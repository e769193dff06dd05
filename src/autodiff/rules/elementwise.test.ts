import type { Draw } from '../../../testing/generate.ts'
import type { OperatorCase } from '../../../testing/operator-graph.ts'
import { testRules } from '../../../testing/test-rules.ts'
import { float32, int64 } from '../../graph/tensor.ts'
import { elementwiseRules } from './elementwise.ts'

const anywhere = (d: Draw) => ({ inputs: [d.normal(d.dims(0, 3))] })
const awayFromZero = (d: Draw) => ({ inputs: [d.awayFromZero(d.dims(0, 3))] })
const positive = (d: Draw) => ({ inputs: [d.between(d.dims(0, 3), 0.3, 3)] })

/** Two operands of which one is broadcast, on either side. */
const pair = (d: Draw, draw: (dims: readonly number[]) => ReturnType<Draw['normal']>) => {
  const dims = d.dims(0, 3)
  const other = d.broadcastable(dims)
  return { inputs: d.one([draw(dims), draw(other)], [draw(other), draw(dims)]) }
}
const broadcast = (d: Draw) => pair(d, d.normal)

/** Operands that differ by at least 0.2 everywhere, from one to three of them. */
function apart(d: Draw): OperatorCase<'Max'> & OperatorCase<'Min'> {
  const dims = d.dims(1, 3, 3)
  const shapes = [dims, ...Array.from({ length: d.integer(0, 2) }, () => d.broadcastable(dims))]
  return {
    inputs: shapes.map((shape, i) => {
      const own = d.distinct(shape)
      return float32(
        shape,
        Array.from(own.data as Float32Array, (value) => 3 * value + 0.2 * i),
      )
    }),
  }
}

testRules(elementwiseRules, {
  Abs: { 'away from 0': awayFromZero },
  Celu: {
    'away from 0': awayFromZero,
    alpha: (d) => ({ ...awayFromZero(d), attributes: { alpha: 0.5 + d.integer(0, 4) } }),
  },
  Elu: {
    'away from 0': awayFromZero,
    alpha: (d) => ({ ...awayFromZero(d), attributes: { alpha: 0.5 + d.integer(0, 4) } }),
  },
  Erf: { anywhere },
  Exp: { anywhere },
  Gelu: {
    exact: (d) => ({ ...anywhere(d), opset: 20 }),
    tanh: (d) => ({ ...anywhere(d), attributes: { approximate: 'tanh' }, opset: 20 }),
  },
  HardSigmoid: {
    // Kinks at -2.5 and 2.5.
    inside: (d) => ({ inputs: [d.between(d.dims(0, 3), -2.4, 2.4)] }),
    'either side': (d) => ({
      inputs: [d.awayFromZero(d.dims(0, 3))],
      attributes: { alpha: 5, beta: 0.5 },
    }),
  },
  HardSwish: {
    inside: (d) => ({ inputs: [d.between(d.dims(0, 3), -2.9, 2.9)] }),
    above: (d) => ({ inputs: [d.between(d.dims(0, 3), 3.1, 5)] }),
    below: (d) => ({ inputs: [d.between(d.dims(0, 3), -5, -3.1)] }),
  },
  Identity: { anywhere },
  LeakyRelu: {
    'away from 0': awayFromZero,
    alpha: (d) => ({ ...awayFromZero(d), attributes: { alpha: 0.3 } }),
  },
  Log: { positive },
  Mish: { anywhere },
  Neg: { anywhere },
  Reciprocal: { 'away from 0': awayFromZero },
  Relu: { 'away from 0': awayFromZero },
  Selu: {
    'away from 0': awayFromZero,
    attributes: (d) => ({ ...awayFromZero(d), attributes: { alpha: 0.7, gamma: 1.5 } }),
  },
  Sigmoid: { anywhere },
  Softplus: { anywhere },
  Softsign: { 'away from 0': awayFromZero },
  Sqrt: { positive },
  Swish: {
    anywhere: (d) => ({ ...anywhere(d), opset: 24 }),
    alpha: (d) => ({ ...anywhere(d), attributes: { alpha: 1.7 }, opset: 24 }),
  },
  ThresholdedRelu: {
    'away from the threshold': (d) => ({ ...awayFromZero(d), attributes: { alpha: 0.1 } }),
  },
  'com.microsoft.Gelu': { anywhere },
  'com.microsoft.QuickGelu': {
    anywhere,
    alpha: (d) => ({ ...anywhere(d), attributes: { alpha: 0.8 } }),
  },

  Add: { broadcast },
  Clip: {
    'inside and outside': (d) => ({
      inputs: [d.distinct(d.dims(0, 3)), float32([], [-0.2]), float32([], [0.4])],
    }),
    'between zero and a bound': (d) => ({
      inputs: [d.distinct(d.dims(0, 3)), float32([], [0]), float32([], [0.4])],
    }),
    'only from below': (d) => ({ inputs: [d.distinct(d.dims(0, 3)), float32([], [0.2])] }),
    'only from above': (d) => ({
      inputs: [d.distinct(d.dims(0, 3)), undefined, float32([], [0.2])],
    }),
  },
  Div: { broadcast: (d) => pair(d, d.awayFromZero) },
  Dropout: {
    'in inference': anywhere,
    'that drops nothing': (d) => ({
      inputs: [
        d.normal(d.dims(0, 3)),
        float32([], [0]),
        { type: 'bool', dims: [], data: Uint8Array.of(1) },
      ],
      fixed: [1],
    }),
  },
  Max: { 'no ties': apart },
  Mean: {
    'one to three': (d) => {
      const dims = d.dims(0, 3)
      const others = Array.from({ length: d.integer(0, 2) }, () => d.normal(d.broadcastable(dims)))
      return { inputs: [d.normal(dims), ...others] }
    },
  },
  Min: { 'no ties': apart },
  Mod: {
    // Quotients of 1.2 to 1.8 are far from the jumps.
    'like C': (d) => {
      const dims = d.dims(0, 3)
      return {
        inputs: [d.between(dims, 2.5, 3.5), d.between(dims, 1.95, 2.05)],
        attributes: { fmod: 1 },
      }
    },
  },
  Mul: { broadcast },
  Pow: {
    'constant exponent': (d) => ({
      inputs: [d.awayFromZero(d.dims(0, 3)), float32([], [d.integer(-2, 3)])],
      fixed: [1],
    }),
    'integer exponent': (d) => ({
      inputs: [d.awayFromZero(d.dims(0, 3)), int64([], [d.integer(1, 3)])],
    }),
    'exponents that are data': (d) => pair(d, (dims) => d.between(dims, 0.5, 2)),
  },
  PRelu: {
    'a slope for each channel': (d) => {
      const dims = d.dims(3, 4)
      return {
        inputs: [
          d.awayFromZero(dims),
          d.normal([dims[1] as number, ...dims.slice(2).map(() => 1)]),
        ],
      }
    },
  },
  Sub: { broadcast },
  Sum: {
    'one to three': (d) => {
      const dims = d.dims(0, 3)
      const others = Array.from({ length: d.integer(0, 2) }, () => d.normal(d.broadcastable(dims)))
      return { inputs: [d.normal(dims), ...others] }
    },
  },
  Where: {
    broadcast: (d) => {
      const dims = d.dims(0, 3)
      const condition = d.broadcastable(dims)
      const bits = Uint8Array.from(d.indices(condition, 2).data, Number)
      const [a, b] = d.one([dims, d.broadcastable(dims)], [d.broadcastable(dims), dims])
      return {
        inputs: [{ type: 'bool', dims: condition, data: bits }, d.normal(a), d.normal(b)],
      }
    },
  },
  'com.microsoft.BiasGelu': {
    'a bias for each column': (d) => {
      const dims = d.dims(1, 3)
      return { inputs: [d.normal(dims), d.normal(dims.slice(-1))] }
    },
  },
  'com.microsoft.FastGelu': {
    'without a bias': (d) => ({ inputs: [d.normal(d.dims(1, 3))] }),
    'a bias for each column': (d) => {
      const dims = d.dims(1, 3)
      return { inputs: [d.normal(dims), d.normal(dims.slice(-1))] }
    },
  },
})
