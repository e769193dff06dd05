import { type InputGradient, type RuleContext, single, sumTo } from '../rule.ts'
import type { Rules } from './differentiable.ts'

export const linearRules = {
  Gemm: single(({ builder, scalar, attributes, inputs, dims, outputs }, dy) => {
    const { alpha, beta, transA, transB } = attributes
    const [a = '', b = '', c = ''] = inputs
    const gemm = (left: string, right: string, tl: number, tr: number) =>
      builder.op('Gemm', [left, right], { alpha, transA: tl, transB: tr })
    return [
      () => (transA ? gemm(b, dy, transB, 1) : gemm(dy, b, 0, 1 - transB)),
      () => (transB ? gemm(dy, a, 1, transA) : gemm(a, dy, 1 - transA, 0)),
      () => {
        const sum = sumTo(builder, dy, dims(outputs[0] as string), dims(c))
        return beta === 1 ? sum : builder.op('Mul', [sum, scalar(beta)])
      },
    ]
  }),
  MatMul: single((context, dy) => {
    const [a = '', b = ''] = context.inputs
    return matMulGradients(context, a, b, dy)
  }),
  'com.microsoft.FusedMatMul': single((context, dy) => {
    const { builder, scalar, attributes, dims } = context
    const { alpha, transA, transB } = attributes
    const [a = '', b = ''] = context.inputs
    const scaled = alpha === 1 ? dy : builder.op('Mul', [dy, scalar(alpha)])
    const swap = (value: string, rank: number) => {
      const perm = Array.from({ length: rank }, (_, axis) => axis)
      perm.splice(rank - 2, 2, rank - 1, rank - 2)
      return builder.op('Transpose', [value], { perm })
    }
    const swapDims = (value: string) => {
      const own = [...dims(value)]
      return [...own.slice(0, -2), own.at(-1) as number, own.at(-2) as number]
    }
    const [left, right] = [
      transA ? swap(a, dims(a).length) : a,
      transB ? swap(b, dims(b).length) : b,
    ]
    const known = (value: string) =>
      value === a || value === b ? dims(value) : swapDims(value === left ? a : b)
    const gradients = matMulGradients({ ...context, dims: known }, left, right, scaled)
    const turned = [transA ? dims(a).length : 0, transB ? dims(b).length : 0]
    return gradients.map((gradient, i) => {
      const rank = turned[i] as number
      return gradient && rank > 0 ? () => swap(gradient(), rank) : gradient
    })
  }),
} satisfies Partial<Rules>

/** Gradients of a (batched) matrix product as NumPy defines it; vectors are matrices with one row or column. */
function matMulGradients(
  context: Pick<RuleContext, 'builder' | 'dims'>,
  a: string,
  b: string,
  dy: string,
): readonly InputGradient[] {
  const { builder, dims } = context
  const [aDims, bDims] = [dims(a), dims(b)]
  const reshape = (value: string, to: readonly number[]) =>
    builder.op('Reshape', [value, builder.int64s(to)])

  if (aDims.length >= 2 && bDims.length === 2) {
    // One matrix for all of the batch: the batch is just more rows.
    const [inner, columns] = bDims as [number, number]
    const rows = (value: string, width: number, rank: number) =>
      rank === 2 ? value : reshape(value, [-1, width])
    const gradientRows = rows(dy, columns, aDims.length)
    return [
      () => {
        const flat = builder.op('Gemm', [gradientRows, b], { transB: 1 })
        return aDims.length === 2 ? flat : reshape(flat, aDims)
      },
      () => builder.op('Gemm', [rows(a, inner, aDims.length), gradientRows], { transA: 1 }),
    ]
  }

  const left = aDims.length === 1 ? [1, ...aDims] : aDims
  const right = bDims.length === 1 ? [...bDims, 1] : bDims
  const batch = broadcastDims(left.slice(0, -2), right.slice(0, -2))
  const outDims = [...batch, left.at(-2) as number, right.at(-1) as number]
  const matrix = (value: string, given: readonly number[], to: readonly number[]) =>
    given.length === to.length ? value : reshape(value, to)
  const outRank = outDims.length - (aDims.length === 1 ? 1 : 0) - (bDims.length === 1 ? 1 : 0)
  const gradient = outRank === outDims.length ? dy : reshape(dy, outDims)
  const back = (
    value: string,
    from: readonly number[],
    to: readonly number[],
    own: readonly number[],
  ) => {
    const sum = sumTo(builder, value, from, to)
    return own.length === to.length ? sum : reshape(sum, own)
  }
  return [
    () => {
      const product = builder.op('com.microsoft.FusedMatMul', [gradient, matrix(b, bDims, right)], {
        transB: 1,
      })
      return back(product, [...batch, ...left.slice(-2)], left, aDims)
    },
    () => {
      const product = builder.op('com.microsoft.FusedMatMul', [matrix(a, aDims, left), gradient], {
        transA: 1,
      })
      return back(product, [...batch, ...right.slice(-2)], right, bDims)
    },
  ]
}

function broadcastDims(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, axis) =>
    Math.max(a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1),
  )
}
