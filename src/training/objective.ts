import { differentiate } from '../autodiff/differentiate.ts'
import { createBuilder } from '../graph/builder.ts'
import { pruneTo } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import { targetsInput } from '../nn/losses.ts'
import { lowerOn } from '../runtime/lowering.ts'
import type { Runtime, SessionOptions } from '../runtime/session.ts'
import { inferTypes } from '../runtime/types.ts'
import { attachLoss, type NetworkWithLoss } from './attach-loss.ts'
import { parametersAsInputs } from './forward.ts'

/** A compiled loss as a function of some parameters of a network. */
export type Objective = {
  /**
   * The loss on what is fed, and its gradient with respect to each parameter, in the order in which they were named.
   *
   * @param feeds the network's inputs, and `targetsInput` and `weightsInput` of its loss
   * @param parameters the values of the parameters
   */
  run(
    feeds: Readonly<Record<string, Tensor>>,
    parameters: ReadonlyMap<string, Tensor>,
  ): Promise<{ readonly loss: number; readonly gradients: readonly Tensor[] }>
  release(): Promise<void>
}

/**
 * Compiles a loss and its gradient, for optimizers that choose their own steps; `compileStep` compiles the update as well.
 *
 * @param parameters those that the gradient is wanted for; all others are constants
 * @throws GraftError `unsupported` where an operator on the way has no gradient
 */
export async function compileObjective(
  network: NetworkWithLoss,
  parameters: readonly string[],
  runtime: Runtime,
  options?: SessionOptions,
): Promise<Objective> {
  const withLoss = await attachLoss(network, runtime)
  const { graph, types } = await inferTypes(withLoss.graph, withLoss.inputs, runtime)
  const seeded = createBuilder(graph.name, graph)
  const seeds = new Map([[withLoss.loss, seeded.scalar(1)]])
  const derivatives = differentiate(seeded.build(), types, seeds, parameters)
  const gradients = parameters.map((name) => derivatives.gradients.get(name) as string)
  const wanted = [withLoss.loss, ...gradients].map((name) => ({ name }))
  const lowered = await lowerOn(
    runtime,
    pruneTo(parametersAsInputs(derivatives.graph, parameters), wanted),
    derivatives.types,
  )
  const [loss = '', ...names] = lowered.outputs.map(({ name }) => name)
  const session = await runtime.createSession(lowered, options)
  const isNarrowed = withLoss.inputs[targetsInput]?.type === 'int32'
  return {
    async run(feeds, values) {
      const results = await session.run({
        ...feeds,
        ...Object.fromEntries(values),
        ...(isNarrowed && { [targetsInput]: narrowed(feeds[targetsInput] as Tensor) }),
      })
      return {
        loss: Number(results[loss]?.data[0]),
        gradients: names.map((name) => results[name] as Tensor),
      }
    },
    release: () => session.release(),
  }
}

/** Class indices as WebGPU takes them. */
function narrowed({ dims, data }: Tensor): Tensor {
  return { type: 'int32', dims, data: Int32Array.from(data as BigInt64Array, Number) }
}
