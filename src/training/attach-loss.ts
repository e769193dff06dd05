import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import type { TensorType } from '../graph/tensor.ts'
import { type Loss, targetsInput, weightsInput } from '../nn/losses.ts'
import type { Runtime } from '../runtime/session.ts'
import { inferTypes } from '../runtime/types.ts'

/** A network and what is wanted of its first output. */
export type NetworkWithLoss = {
  readonly graph: Graph
  readonly loss: Loss
  /** The type of every input of the network at the batch size. */
  readonly inputs: Readonly<Record<string, TensorType>>
}

/**
 * The network with its loss: a scalar that is its first output.
 *
 * @param kept other values that have to be outputs
 */
export async function attachLoss(
  { graph, loss, inputs }: NetworkWithLoss,
  runtime: Runtime,
  kept: readonly string[] = [],
) {
  const output = graph.outputs[0]?.name as string
  const { types } = await inferTypes(graph, inputs, runtime)
  const { dims } = types.get(output) as TensorType
  // WebGPU has no operators on int64.
  const isNarrowed = runtime.device === 'webgpu' && loss.targets.type === 'int64'
  const type = isNarrowed ? 'int32' : loss.targets.type
  const targets = { type, dims: loss.targets.dims(dims) }
  const weights = { type: 'float32', dims: [dims[0] as number] } as const
  const builder = createBuilder(graph.name, { ...graph, outputs: [] })
  builder.input(targetsInput, targets.type, targets.dims)
  builder.input(weightsInput, weights.type, weights.dims)
  const value = loss.write(builder, { output, targets: targetsInput, weights: weightsInput })
  builder.output(value)
  for (const name of kept) builder.output(name)
  return {
    graph: builder.build(),
    loss: value,
    inputs: { ...inputs, [targetsInput]: targets, [weightsInput]: weights },
  }
}
