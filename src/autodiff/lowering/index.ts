import { GraftError } from '../../errors.ts'
import { attributeValues } from '../../graph/attributes.ts'
import { type GraphBuilder, rebuild } from '../../graph/builder.ts'
import { describeNode, type Graph, type Node, operatorKey, pruneTo } from '../../graph/graph.ts'
import type { OperatorName } from '../../graph/operators.ts'
import { renameValues } from '../../graph/subgraphs.ts'
import type { ElementType, TensorType } from '../../graph/tensor.ts'
import { blockedRules } from './blocked.ts'
import { type BlockedRule, type Blocks, createBlocks } from './blocks.ts'
import { fuseActivations } from './fuse-activations.ts'
import type { Given, GradientOperator, Lower } from './rule.ts'
import { standardRules } from './standard.ts'

/**
 * Replaces every operator of our own by operators that ONNX Runtime has.
 *
 * With a block size, what profits is written on ONNX Runtime's blocked layout, with kernels that may change from step to step; values stay
 * in that layout from one such operator to the next, also through those that work on each element alone.
 *
 * @param types what is known of the values; more of them let more operators stay in blocks
 * @param block how many channels lie side by side in a block (see `blockSize`); 0 keeps to the standard operators
 */
export function lower(graph: Graph, types: ReadonlyMap<string, TensorType>, block: number): Graph {
  const builder = rebuild(graph)
  const blocks = block > 0 ? createBlocks(builder, block) : null
  for (const [name, tensor] of [...types, ...graph.initializers]) blocks?.learn(name, tensor)
  const renamed = new Map<string, string>()
  const rename = (name: string) => renamed.get(name) ?? name
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(rename)
    const outputs =
      (blocks && onBlocks(blocks, { ...node, inputs }, types)) ??
      asStandard(builder, { ...node, inputs }, types.get(node.inputs[0] ?? '')?.type)
    if (!outputs || outputs.length < node.outputs.length) {
      if (node.domain === 'graft') {
        throw new GraftError('internal', `${describeNode(node)} cannot be lowered`)
      }
      builder.append(renameValues(node, rename))
      const { value } = node.attributes
      if (node.operator === 'Constant' && value?.type === 'tensor') {
        blocks?.learn(node.outputs[0] as string, value.value)
      }
      const scaled = blocks && scaledType(blocks, { ...node, inputs })
      if (scaled) blocks.learn(node.outputs[0] as string, scaled)
      continue
    }
    node.outputs.forEach((output, index) => {
      const name = outputs[index] as string
      renamed.set(output, name)
      const type = types.get(output)
      if (type) blocks?.learn(name, type)
    })
  }
  const { graft: _, ...opsets } = builder.build().opsets
  const outputs = graph.outputs.map((output) => ({ ...output, name: rename(output.name) }))
  const lowered = pruneTo({ ...builder.build(), opsets }, outputs)
  return blocks ? fuseActivations(lowered) : lowered
}

/** The type of a value times or by a number, which rules of gradients compute on the way to a cotangent. */
function scaledType(blocks: Blocks, { operator, domain, inputs }: Node): TensorType | undefined {
  const [x = '', factor = ''] = inputs
  const isScaled = domain === '' && (operator === 'Mul' || operator === 'Div')
  return isScaled && blocks.typeOf(factor)?.dims.length === 0 ? blocks.typeOf(x) : undefined
}

function onBlocks(blocks: Blocks, node: Node, types: ReadonlyMap<string, TensorType>) {
  const key = operatorKey(node) as OperatorName
  const rule = blockedRules[key] as BlockedRule<OperatorName> | undefined
  const stated = Object.entries(node.attributes).map(([name, { value }]) => [name, value])
  return rule?.(blocks, node.inputs, attributeValues(node, key), {
    types: node.outputs.map((output) => types.get(output)),
    stated: Object.fromEntries(stated),
  })
}

function asStandard(builder: GraphBuilder, node: Node, element: ElementType = 'float32') {
  if (node.domain !== 'graft') return null
  const key = operatorKey(node) as GradientOperator
  const rule = standardRules[key] as Lower<GradientOperator> | undefined
  const attributes = attributeValues(node, key) as Given<GradientOperator>
  return rule?.(builder, node.inputs, attributes, element)
}
