import { GraftError } from '../errors.ts'
import { createBuilder } from '../graph/builder.ts'
import { resolveControlFlow } from '../graph/control-flow.ts'
import {
  constantsOf,
  type Graph,
  inputsOf,
  type Node,
  operatorKey,
  pruneTo,
  type ValueInfo,
} from '../graph/graph.ts'
import { int64, sizeOf, type Tensor, type TensorType, zeros } from '../graph/tensor.ts'
import { isMisjudged, spellOut } from './misjudged.ts'
import type { Runtime } from './session.ts'

/** A graph at one input size: every value has an exact type, and what only computed shapes is a constant. */
export type TypedGraph = { readonly graph: Graph; readonly types: ReadonlyMap<string, TensorType> }

/**
 * The exact type of every value of a graph for given input types. ONNX Runtime's own inference knows every operator, so there are
 * no shape rules here: one session, never run, with every value as an output tells their types. Subgraphs that
 * only compute shapes are run once and become constants, and branches and loops that depend on these alone are resolved. A shape
 * that depends on the data is measured: on the values of an input where it is given as a tensor, otherwise on zeros. What is no
 * tensor, such as a sequence, has no type.
 *
 * @throws GraftError `bad-input` where an input's type is missing or wrong, `bad-model` where ONNX Runtime refuses the graph.
 */
export async function inferTypes(
  graph: Graph,
  inputTypes: Readonly<Record<string, TensorType | Tensor>>,
  runtime: Runtime,
): Promise<TypedGraph> {
  const fixed = fixInputs(graph, inputTypes)
  let types = await sessionTypes(fixed, runtime)
  const folded = await foldConstants(fixed, types, runtime)
  const resolved = resolveControlFlow(folded)
  if (resolved !== folded) return inferTypes(resolved, inputTypes, runtime)
  const misjudged = folded.nodes.some(isMisjudged)
  const unknown = valuesOf(folded).filter((name) => misjudged || !types.has(name))
  if (unknown.length > 0) {
    const measured = await measuredTypes(folded, unknown, inputTypes, runtime)
    types = new Map([...types, ...measured])
  }
  const exact = types
  const nodes = folded.nodes.map((node) => (isMisjudged(node) ? spellOut(node, exact) : node))
  return { graph: { ...folded, nodes }, types }
}

/** Operators whose results are no tensors, and so have no type here. */
const withoutTensors = new Set([
  'Optional',
  'SequenceConstruct',
  'SequenceEmpty',
  'SequenceErase',
  'SequenceInsert',
  'SequenceMap',
  'SplitToSequence',
])

function valuesOf(graph: Graph): string[] {
  return graph.nodes
    .filter((node) => !withoutTensors.has(node.operator))
    .flatMap((node) => node.outputs)
    .filter((name) => name !== '')
}

function fixInputs(graph: Graph, inputTypes: Readonly<Record<string, TensorType>>): Graph {
  return {
    ...graph,
    inputs: graph.inputs.map((input) => {
      const given = inputTypes[input.name]
      if (!given) throw new GraftError('bad-input', `the graph needs the input "${input.name}"`)
      const fits =
        given.type === input.type &&
        given.dims.length === input.dims.length &&
        input.dims.every((dim, axis) => typeof dim === 'string' || dim === given.dims[axis])
      if (!fits) {
        throw new GraftError(
          'bad-input',
          `the input "${input.name}" is ${input.type} [${input.dims.join(', ')}], not ${given.type} [${given.dims.join(', ')}]`,
        )
      }
      return { ...input, dims: given.dims }
    }),
  }
}

/** The graph with its large initializers as inputs: ONNX Runtime does not need their values to infer types. */
function withoutWeights(graph: Graph): Graph {
  const large = [...graph.initializers].filter(([, { dims }]) => sizeOf(dims) > 256)
  return {
    ...graph,
    inputs: [...graph.inputs, ...large.map(([name, { type, dims }]) => ({ name, type, dims }))],
    initializers: new Map([...graph.initializers].filter(([, { dims }]) => sizeOf(dims) <= 256)),
  }
}

/** The types that ONNX Runtime knows without running anything; a value of unknown dimensions has none. */
export async function sessionTypes(
  graph: Graph,
  runtime: Runtime,
): Promise<Map<string, TensorType>> {
  const types = new Map<string, TensorType>()
  for (const { name, type, dims } of graph.inputs) {
    types.set(name, { type, dims: dims as number[] })
  }
  for (const [name, { type, dims }] of graph.initializers) types.set(name, { type, dims })
  if (graph.nodes.length === 0) return types
  const session = await runtime.createSession(
    { ...withoutWeights(graph), outputs: valuesOf(graph).map((name) => ({ name })) },
    { threads: 1, optimize: 'basic', device: 'cpu' },
  )
  for (const { name, type, dims } of session.outputs) {
    if (isKnown(dims)) types.set(name, { type, dims })
  }
  await session.release()
  for (const name of await withoutRank(graph, types, runtime)) types.delete(name)
  return types
}

function isKnown(dims: ValueInfo['dims']): dims is readonly number[] {
  return dims.every((dim) => typeof dim === 'number' && dim >= 0)
}

/**
 * The values that look like scalars because ONNX Runtime does not know their rank. The shape of a true scalar is known to be an
 * empty vector; that of the others is a vector of unknown length.
 */
async function withoutRank(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  runtime: Runtime,
): Promise<string[]> {
  const constants = constantsOf(graph)
  const scalars = valuesOf(graph).filter(
    (name) => types.get(name)?.dims.length === 0 && !constants.has(name),
  )
  if (scalars.length === 0) return []
  const builder = createBuilder(graph.name, withoutWeights(graph))
  const shapes = scalars.map((name) => ({ name: builder.op('Shape', [name]) }))
  const session = await runtime.createSession(pruneTo(builder.build(), shapes), {
    threads: 1,
    optimize: 'basic',
    device: 'cpu',
  })
  const unknown = scalars.filter((_, index) => !isKnown(session.outputs[index]?.dims ?? ['']))
  await session.release()
  return unknown
}

/** Operators that are never folded: their results are not decided by their inputs, or are no constants. */
const unfolded = new Set([
  'Constant',
  ...withoutTensors,
  'RandomNormal',
  'RandomUniform',
  'RandomNormalLike',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
])

/** Replaces what depends on shapes and constants alone by `Constant` nodes. */
async function foldConstants(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  runtime: Runtime,
): Promise<Graph> {
  const known = new Set(constantsOf(graph).keys())
  for (const [name, { type }] of graph.initializers) {
    if (type !== 'float32' && type !== 'float64' && type !== 'float16') known.add(name)
  }
  const folded = new Set<Node>()
  const nodes = graph.nodes.map((node) => {
    const shape = shapeConstant(node, types)
    if (shape) known.add(shape.outputs[0] as string)
    return shape ?? node
  })
  for (const node of nodes) {
    const decided = inputsOf(node).every((input) => input === '' || known.has(input))
    if (!decided || unfolded.has(node.operator)) continue
    folded.add(node)
    for (const output of node.outputs) known.add(output)
  }
  if (folded.size === 0) return { ...graph, nodes }

  const wanted = [...folded].flatMap((node) => node.outputs).filter((name) => name !== '')
  const part = pruneTo(
    { ...graph, nodes },
    wanted.map((name) => ({ name })),
  )
  const session = await runtime.createSession(part, { threads: 1, optimize: 'none', device: 'cpu' })
  const values = await session.run({})
  await session.release()
  return {
    ...graph,
    nodes: nodes.flatMap((node) =>
      folded.has(node)
        ? node.outputs
            .filter((name) => name !== '')
            .map((name) => constantNode(name, values[name] as Tensor))
        : [node],
    ),
  }
}

function constantNode(name: string, value: Tensor): Node {
  return {
    name,
    operator: 'Constant',
    domain: '',
    inputs: [],
    outputs: [name],
    attributes: { value: { type: 'tensor', value } },
  }
}

/** `Shape` and `Size` of a value whose type is known, as a constant. */
function shapeConstant(node: Node, types: ReadonlyMap<string, TensorType>): Node | undefined {
  const key = operatorKey(node)
  if (key !== 'Shape' && key !== 'Size') return undefined
  const dims = types.get(node.inputs[0] ?? '')?.dims
  if (!dims) return undefined
  const name = node.outputs[0] as string
  if (key === 'Size') return constantNode(name, int64([], [sizeOf(dims)]))
  const start = node.attributes.start?.value as number | undefined
  const end = node.attributes.end?.value as number | undefined
  const part = dims.slice(start ?? 0, end)
  return constantNode(name, int64([part.length], part))
}

/** Types that depend on the data, as they are for the given values, and zeros for inputs that have none. */
async function measuredTypes(
  graph: Graph,
  names: readonly string[],
  inputs: Readonly<Record<string, TensorType | Tensor>>,
  runtime: Runtime,
): Promise<Map<string, TensorType>> {
  const session = await runtime.createSession(
    { ...graph, outputs: names.map((name) => ({ name })) },
    { device: 'cpu' },
  )
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name }) => {
      const given = inputs[name] as TensorType | Tensor
      return [name, 'data' in given ? given : zeros(given.type, given.dims)]
    }),
  )
  const values = await session.run(feeds)
  await session.release()
  return new Map(
    names.map((name) => {
      const { type, dims } = values[name] as Tensor
      return [name, { type, dims }]
    }),
  )
}
