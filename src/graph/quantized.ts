import { GraftError } from '../errors.ts'
import { describeNode, type Subgraph, subgraphsOf } from './graph.ts'

/** Names of operators on quantized values, in the standard and in ONNX Runtime's own domain; `QuickGelu` is none. */
const quantized =
  /^(Dynamic)?Quantize|^(Dynamic)?Dequantize|^Q[A-Z]|Integer|Quantized|^MatMul(NBits|Bnb4|FpQ4)$/

/**
 * Refuses models that store quantized weights or their scales: rounded weights do not train. A quantized operator of which everything is
 * computed or fed is carried along like any other that has no gradient.
 *
 * @throws GraftError `unsupported` that names the first node with such an input
 */
export function refuseQuantized(
  { nodes, initializers }: Subgraph,
  outer = new Set<string>(),
): void {
  const stored = new Set([...outer, ...initializers.keys()])
  for (const node of nodes) {
    if (node.operator === 'Constant') stored.add(node.outputs[0] as string)
    const known = node.domain === '' || node.domain.startsWith('com.microsoft')
    if (known && quantized.test(node.operator) && node.inputs.some((name) => stored.has(name))) {
      throw new GraftError(
        'unsupported',
        `${describeNode(node)} works on quantized values, which cannot be trained: give the float model from before quantization`,
      )
    }
    for (const subgraph of subgraphsOf(node)) refuseQuantized(subgraph, stored)
  }
}
