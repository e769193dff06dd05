import { createBuilder, defaultOpset } from '../src/graph/builder.ts'
import type { Graph } from '../src/graph/graph.ts'
import type { AttributesOf, OperatorName } from '../src/graph/operators.ts'
import type { Tensor } from '../src/graph/tensor.ts'

export type OperatorCase<O extends OperatorName = OperatorName> = {
  /** The operator's inputs: floats become inputs of the graph (`x0`, `x1`, ...), everything else constants. */
  readonly inputs: readonly (Tensor | undefined)[]
  readonly attributes?: AttributesOf<O>
  /** Positions of float inputs that stay constant. */
  readonly fixed?: readonly number[]
  /** How many outputs the node has; the first is the graph's. */
  readonly outputs?: number
  readonly opset?: number
}

/** A graph that applies one operator to its inputs, with a tensor for each. */
export function operatorGraph<O extends OperatorName>(
  operator: O,
  { inputs, attributes = {}, fixed = [], outputs = 1, opset = defaultOpset }: OperatorCase<O>,
): { graph: Graph; inputs: Record<string, Tensor> } {
  const builder = createBuilder(operator, {
    name: operator,
    opsets: { '': opset },
    inputs: [],
    outputs: [],
    nodes: [],
    initializers: new Map(),
    metadata: {},
  })
  const fed: Record<string, Tensor> = {}
  const names = inputs.map((tensor, i) => {
    if (!tensor?.type.startsWith('float') || fixed.includes(i)) {
      return tensor && builder.constant(tensor)
    }
    fed[`x${i}`] = tensor
    return builder.input(`x${i}`, tensor.type, tensor.dims)
  })
  builder.output(builder.ops(operator, names, attributes, outputs)[0] as string)
  return { graph: builder.build(), inputs: fed }
}
