import { type Draw, double } from '../../../testing/generate.ts'
import { testRules } from '../../../testing/test-rules.ts'
import { linearRules } from './linear.ts'

const turned = (dims: readonly number[], turn: number) =>
  turn ? [...dims.slice(0, -2), dims.at(-1) as number, dims.at(-2) as number] : [...dims]

/** Dimensions of two stacks of matrices, where either stack may be broadcast. */
function stacks(d: Draw): [number[], number[]] {
  const [rows, inner, columns] = d.integers(3, 1, 4) as [number, number, number]
  const batch = d.dims(1, 2, 3)
  const [a, b] = d.one([batch, d.broadcastable(batch)], [d.broadcastable(batch), batch])
  return [
    [...a, rows, inner],
    [...b, inner, columns],
  ]
}

testRules(linearRules, {
  Gemm: {
    'every layout': (d) => {
      const [rows, inner, columns] = d.integers(3, 1, 4) as [number, number, number]
      const [transA, transB] = d.integers(2, 0, 1) as [number, number]
      const bias = d.boolean() ? [d.normal(d.broadcastable([rows, columns]))] : []
      return {
        inputs: [
          d.normal(turned([rows, inner], transA)),
          d.normal(turned([inner, columns], transB)),
          ...bias,
        ],
        attributes: { transA, transB, alpha: d.one(1, 0.5), beta: d.one(1, 2) },
      }
    },
  },
  MatMul: {
    'stacks of matrices': (d) => ({ inputs: stacks(d).map(d.normal) }),
    'one matrix for a stack': (d) => {
      const [inner, columns] = d.integers(2, 1, 4) as [number, number]
      return { inputs: [d.normal([...d.dims(0, 3), inner]), d.normal([inner, columns])] }
    },
    vectors: (d) => {
      const [inner, other] = d.integers(2, 1, 4) as [number, number]
      const stack = [...d.dims(0, 2, 3), other, inner]
      return {
        inputs: d.one(
          [d.normal([inner]), d.normal([inner])],
          [d.normal(stack), d.normal([inner])],
          [d.normal([inner]), d.normal(turned(stack, 1))],
        ),
      }
    },
    'double precision': (d) => ({ inputs: stacks(d).map((dims) => double(d.normal(dims))) }),
  },
  'com.microsoft.FusedMatMul': {
    'every layout': (d) => {
      const [a, b] = stacks(d)
      const [transA, transB] = d.integers(2, 0, 1) as [number, number]
      return {
        inputs: [d.normal(turned(a, transA)), d.normal(turned(b, transB))],
        attributes: { transA, transB, alpha: d.one(1, 0.5) },
      }
    },
  },
})
