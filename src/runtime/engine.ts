import type { Graph } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Runtime } from './session.ts'
import { run, vjp } from './vjp.ts'

type Tensors = Readonly<Record<string, Tensor>>

/** What graphs can do, on a runtime that need not be named. */
export type Engine = {
  /**
   * Runs a graph once.
   *
   * @param inputs a tensor for every input of the graph
   * @returns every output by name
   * @throws GraftError `bad-input` where an input is missing or of the wrong type, `bad-model` where ONNX Runtime refuses the graph
   */
  run(graph: Graph, inputs: Tensors, runtime?: Runtime): Promise<Record<string, Tensor>>
  /**
   * The vector-Jacobian product: gradients of `sum(cotangent * output)`, summed over the outputs that are given a cotangent.
   *
   * @param inputs a tensor for every input of the graph
   * @param cotangents for each output that counts, a tensor of its dimensions
   * @param wrt inputs and parameters, by name; a parameter is a float initializer
   * @returns a tensor of the same dimensions for each name in `wrt`; zeros where no output depends on it
   * @throws GraftError `bad-input` for an unknown name or wrong dimensions; `unsupported`, naming the node, where the path to an output
   * crosses an operator that has no gradient
   */
  vjp(
    graph: Graph,
    inputs: Tensors,
    cotangents: Tensors,
    wrt: readonly string[],
    runtime?: Runtime,
  ): Promise<Record<string, Tensor>>
}

/** The engine of a platform; its runtime is loaded when it is first used. */
export function engineOn(usual: () => Promise<Runtime> | Runtime): Engine {
  return {
    run: async (graph, inputs, runtime) => run(graph, inputs, runtime ?? (await usual())),
    vjp: async (graph, inputs, cotangents, wrt, runtime) =>
      vjp(graph, inputs, cotangents, wrt, runtime ?? (await usual())),
  }
}
