import type { Graph } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Runtime, SessionOptions } from '../runtime/session.ts'

/** A compiled network whose trained parameters are given anew at every run. */
export type Forward = {
  /** Runs the network and returns its first output. */
  run(
    feeds: Readonly<Record<string, Tensor>>,
    parameters: ReadonlyMap<string, Tensor>,
  ): Promise<Tensor>
  release(): Promise<void>
}

/** Compiles a network for evaluation; the parameters named are inputs, all others constants. */
export async function compileForward(
  graph: Graph,
  parameters: readonly string[],
  runtime: Runtime,
  options?: SessionOptions,
): Promise<Forward> {
  const output = graph.outputs[0]?.name as string
  const open = parametersAsInputs({ ...graph, outputs: graph.outputs.slice(0, 1) }, parameters)
  const session = await runtime.createSession(open, options)
  return {
    async run(feeds, values) {
      const all: Record<string, Tensor> = { ...feeds }
      for (const name of parameters) all[name] = values.get(name) as Tensor
      return (await session.run(all, [output]))[output] as Tensor
    },
    release: () => session.release(),
  }
}

/** The same beside what is compiled already, which is released where this fails. */
export async function compileForwardBeside(
  held: { release(): Promise<void> },
  ...given: Parameters<typeof compileForward>
): Promise<Forward> {
  try {
    return await compileForward(...given)
  } catch (error) {
    await held.release()
    throw error
  }
}

/** The graph with some parameters as further inputs, after its own. */
export function parametersAsInputs(graph: Graph, parameters: readonly string[]): Graph {
  const initializers = new Map(graph.initializers)
  const inputs = parameters.map((name) => {
    const { type, dims } = initializers.get(name) as Tensor
    initializers.delete(name)
    return { name, type, dims }
  })
  return { ...graph, inputs: [...graph.inputs, ...inputs], initializers }
}

/** The graph with some parameters replaced. */
export function withParameters(graph: Graph, parameters: ReadonlyMap<string, Tensor>): Graph {
  return { ...graph, initializers: new Map([...graph.initializers, ...parameters]) }
}
