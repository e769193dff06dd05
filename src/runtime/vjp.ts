import { exposeBatchStatistics } from '../autodiff/batch-statistics.ts'
import { differentiate } from '../autodiff/differentiate.ts'
import { GraftError } from '../errors.ts'
import { createBuilder } from '../graph/builder.ts'
import { type Graph, pruneTo } from '../graph/graph.ts'
import { type Tensor, type TensorType, zeros } from '../graph/tensor.ts'
import { lowerOn } from './lowering.ts'
import type { Runtime } from './session.ts'
import { inferTypes } from './types.ts'

/** Runs a graph once; see `Engine`. */
export async function run(
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
  runtime: Runtime,
): Promise<Record<string, Tensor>> {
  const session = await runtime.createSession(graph)
  try {
    return await session.run(feedsOf(graph, inputs))
  } finally {
    await session.release()
  }
}

/** The vector-Jacobian product; see `Engine`. */
export async function vjp(
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
  cotangents: Readonly<Record<string, Tensor>>,
  wrt: readonly string[],
  runtime: Runtime,
): Promise<Record<string, Tensor>> {
  const feeds = feedsOf(graph, inputs)
  const typed = await inferTypes(graph, feeds, runtime)
  const { graph: forward, types } = exposeBatchStatistics(typed.graph, typed.types)

  const builder = createBuilder(forward.name, forward)
  const seeds = new Map<string, string>()
  const seedFeeds: Record<string, Tensor> = {}
  for (const [output, cotangent] of Object.entries(cotangents)) {
    const type = types.get(output)
    if (!type || !graph.outputs.some(({ name }) => name === output)) {
      throw new GraftError('bad-input', `the graph has no output "${output}"`)
    }
    expectType(`the cotangent of "${output}"`, cotangent, type)
    const seed = builder.input(builder.fresh(`cotangent of ${output}`), type.type, type.dims)
    seeds.set(output, seed)
    seedFeeds[seed] = cotangent
  }
  for (const name of wrt) {
    if (!types.has(name)) {
      throw new GraftError('bad-input', `the graph has no input or parameter "${name}"`)
    }
  }

  const derivatives = differentiate(builder.build(), types, seeds, wrt)
  const { graph: backward, gradients } = derivatives
  const reached = wrt.filter((name) => gradients.get(name) !== undefined)
  const results = reached.map((name) => ({ name: gradients.get(name) as string }))
  // One output may serve several names; ONNX wants each once.
  const distinct = [...new Map(results.map((result) => [result.name, result])).values()]
  const values = new Map<string, Tensor>()
  if (distinct.length > 0) {
    const lowered = await lowerOn(runtime, pruneTo(backward, distinct), derivatives.types)
    const session = await runtime.createSession(withOutputsComputed(lowered))
    try {
      const wanted = session.inputs.map(({ name }) => name)
      const all = { ...feeds, ...seedFeeds }
      const results = await session.run(
        Object.fromEntries(wanted.map((name) => [name, all[name] as Tensor])),
      )
      distinct.forEach(({ name }, index) => {
        values.set(name, results[session.outputs[index]?.name as string] as Tensor)
      })
    } finally {
      await session.release()
    }
  }
  return Object.fromEntries(
    wrt.map((name) => {
      const { type, dims } = types.get(name) as TensorType
      const value = values.get(gradients.get(name) ?? '')
      return [name, value ? { type, dims, data: value.data } : zeros(type, dims)]
    }),
  )
}

/** ONNX Runtime refuses outputs that are inputs: they pass through an Identity. */
function withOutputsComputed(graph: Graph): Graph {
  const computed = new Set(graph.nodes.flatMap((node) => node.outputs))
  const seen = new Set<string>()
  const builder = createBuilder(graph.name, { ...graph, outputs: [] })
  for (const { name } of graph.outputs) {
    const direct = computed.has(name) && !seen.has(name)
    seen.add(name)
    builder.output(direct ? name : builder.alias(builder.fresh('gradient'), name))
  }
  return builder.build()
}

function feedsOf(graph: Graph, inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    graph.inputs.map(({ name }) => {
      const tensor = inputs[name]
      if (!tensor) throw new GraftError('bad-input', `the graph needs the input "${name}"`)
      return [name, tensor]
    }),
  )
}

function expectType(what: string, { type, dims }: Tensor, wanted: TensorType): void {
  const same = type === wanted.type && dims.length === wanted.dims.length
  if (!same || dims.some((dim, axis) => dim !== wanted.dims[axis])) {
    throw new GraftError(
      'bad-input',
      `${what} must be ${wanted.type} [${wanted.dims.join(', ')}], not ${type} [${dims.join(', ')}]`,
    )
  }
}
