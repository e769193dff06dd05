import { attributeValues } from '../../graph/attributes.ts'
import { type GraphBuilder, rebuild } from '../../graph/builder.ts'
import { type Graph, operatorKey, pruneTo } from '../../graph/graph.ts'
import type { AttributeValues, OperatorName } from '../../graph/operators.ts'
import { renameValues } from '../../graph/subgraphs.ts'
import type { TensorType } from '../../graph/tensor.ts'
import { reshape } from './axes.ts'

/** Writes an operator with others and names its outputs; null where that is not needed, or too little is known of its values. */
type Rewrite<O extends OperatorName> = (
  builder: GraphBuilder,
  inputs: readonly string[],
  attributes: AttributeValues<O>,
  types: {
    readonly inputs: readonly (TensorType | undefined)[]
    readonly outputs: readonly (TensorType | undefined)[]
  },
) => string | readonly string[] | null

const along = (builder: GraphBuilder, axis: number) => builder.int64s([axis])

/** Operators for which ONNX Runtime has no WebGPU kernel, by others that have one. */
const rewrites: { readonly [O in OperatorName]?: Rewrite<O> } = {
  'com.microsoft.FusedMatMul': (builder, [a = '', b = ''], attributes, { inputs }) => {
    const { alpha, transA, transB, transBatchA, transBatchB } = attributes
    const turned = (value: string, type: TensorType | undefined) => {
      const rank = type?.dims.length ?? 0
      const perm = Array.from({ length: rank }, (_, axis) => axis)
      perm.push(...perm.splice(-2).reverse())
      return rank < 2 ? null : builder.op('Transpose', [value], { perm })
    }
    const left = transA ? turned(a, inputs[0]) : a
    const right = transB ? turned(b, inputs[1]) : b
    if (transBatchA || transBatchB || left === null || right === null) return null
    const product = builder.op('MatMul', [left, right])
    return alpha === 1 ? product : builder.op('Mul', [product, builder.scalar(alpha as number)])
  },
  LogSoftmax: (builder, [x = ''], { axis }) => {
    const largest = builder.op('ReduceMax', [x, along(builder, axis as number)])
    const shifted = builder.op('Sub', [x, largest])
    const sum = builder.op('ReduceSum', [
      builder.op('Exp', [shifted]),
      along(builder, axis as number),
    ])
    return builder.op('Sub', [shifted, builder.op('Log', [sum])])
  },
  Selu: (builder, [x = ''], { alpha, gamma }) =>
    builder.op('Mul', [builder.op('Elu', [x], { alpha }), builder.scalar(gamma as number)]),
  // Each output takes one of the storage buffers of a shader, of which there are eight on some machines.
  Split: (builder, [x = ''], { axis = 0 }, { outputs }) => {
    if (outputs.length < 8 || outputs.includes(undefined)) return null
    let start = 0
    return outputs.map((output) => {
      const rank = output?.dims.length ?? 0
      const end = start + (output?.dims[axis < 0 ? axis + rank : axis] ?? 0)
      const bounds = [start, end, axis].map((value) => builder.int64s([value]))
      start = end
      return builder.op('Slice', [x, ...bounds])
    })
  },
  Sum: (builder, terms) => terms.reduce((sum, term) => builder.op('Add', [sum, term])),
  // There is one, but only for floats.
  Unsqueeze: (builder, [x = ''], _, { outputs: [output] }) =>
    output ? reshape(builder, x, output.dims) : null,
}

/** The graph without operators that ONNX Runtime would run on the CPU for want of a WebGPU kernel, as far as the table knows one. */
export function forWebGpu(graph: Graph, types: ReadonlyMap<string, TensorType>): Graph {
  const builder = rebuild(graph)
  const renamed = new Map<string, string>()
  const rename = (name: string) => renamed.get(name) ?? name
  for (const node of graph.nodes) {
    const key = operatorKey(node) as OperatorName
    const rewrite = rewrites[key] as Rewrite<OperatorName> | undefined
    const inputs = node.inputs.map(rename)
    const result = rewrite?.(builder, inputs, attributeValues(node, key), {
      inputs: node.inputs.map((name) => types.get(name)),
      outputs: node.outputs.map((name) => types.get(name)),
    })
    if (!result) builder.append(renameValues(node, rename))
    for (const [index, name] of [result ?? []].flat().entries()) {
      renamed.set(node.outputs[index] as string, name)
    }
  }
  const outputs = graph.outputs.map((output) => ({ ...output, name: rename(output.name) }))
  return pruneTo(builder.build(), outputs)
}
