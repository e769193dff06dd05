import { GraftError } from '../../errors.ts'
import { attributeValues } from '../../graph/attributes.ts'
import { createBuilder, type GraphBuilder } from '../../graph/builder.ts'
import { describeNode, type Graph, type Node, operatorKey } from '../../graph/graph.ts'
import type { AttributeValues, OperatorName } from '../../graph/operators.ts'

/** The operators of our own, which no runtime knows. */
export type GradientOperator = Extract<OperatorName, `graft.${string}`>

/** The attributes of an operator of our own; the rules give all of them. */
type Complete<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> }

/** Writes an operator of our own as operators that ONNX Runtime has; returns the names of its outputs. */
export type Lower<O extends GradientOperator> = (
  builder: GraphBuilder,
  inputs: readonly string[],
  attributes: Complete<AttributeValues<O>>,
) => readonly string[]

/** How to lower each operator of our own: one table for each way to lay out tensors. */
export type Lowering = { readonly [O in GradientOperator]: Lower<O> }

/** Replaces every operator of our own by what the lowering writes for it. */
export function lower(graph: Graph, lowering: Lowering): Graph {
  const renamed = new Map<string, string>()
  const rename = (name: string) => renamed.get(name) ?? name
  const own = graph.nodes.filter((node) => node.domain === 'graft')
  if (own.length === 0) return graph

  // The builder starts without nodes, so that those it adds stand where the lowered node stood; their names must still be free.
  const nodes: Node[] = []
  const builder = createBuilder(graph.name, graph)
  let built = graph.nodes.length
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(rename)
    if (node.domain !== 'graft') {
      nodes.push({ ...node, inputs })
      continue
    }
    const key = operatorKey(node) as GradientOperator
    const write = lowering[key] as Lower<GradientOperator> | undefined
    if (!write) throw new GraftError('internal', `${describeNode(node)} cannot be lowered`)
    const attributes = attributeValues(node, key) as Complete<AttributeValues<GradientOperator>>
    const outputs = write(builder, inputs, attributes)
    node.outputs.forEach((output, index) => {
      renamed.set(output, rename(outputs[index] as string))
    })
    const added = builder.build().nodes
    nodes.push(...added.slice(built))
    built = added.length
  }
  const grown = builder.build()
  const { graft: _, ...opsets } = grown.opsets
  return {
    ...graph,
    opsets,
    nodes,
    outputs: graph.outputs.map((output) => ({ ...output, name: rename(output.name) })),
    initializers: grown.initializers,
  }
}
