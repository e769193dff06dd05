import { GraftError } from '../errors.ts'
import { typedAttributes } from './attributes.ts'
import type { Graph, Node, OutputInfo, ValueInfo } from './graph.ts'
import type { AttributesOf, OperatorName } from './operators.ts'
import { namesIn, nodeNamesIn } from './subgraphs.ts'
import { type ElementType, elementTypes, int64, sizeOf, type Tensor } from './tensor.ts'

/** The operator set that graphs built here are written for. */
export const defaultOpset = 18

/**
 * Grows a graph, one node at a time; every method returns the names of values. Equal nodes are made once, so fragments may
 * ask for the same subexpression without thinking of each other.
 */
export type GraphBuilder = {
  /** Adds a node with one output. */
  op<O extends OperatorName>(
    operator: O,
    inputs: readonly (string | undefined)[],
    attributes?: AttributesOf<O>,
  ): string
  /** Adds a node with `count` outputs. */
  ops<O extends OperatorName>(
    operator: O,
    inputs: readonly (string | undefined)[],
    attributes: AttributesOf<O>,
    count: number,
  ): string[]
  /** A constant that nobody trains. */
  constant(value: Tensor): string
  /** A constant of no dimensions. */
  scalar(value: number, type?: ElementType): string
  /** A constant vector of int64, as shapes, axes and pads are given. */
  int64s(values: readonly number[]): string
  /** A named parameter with its first value; throws `internal` where the name is taken. */
  parameter(name: string, value: Tensor): string
  input(name: string, type: ElementType, dims: readonly (number | string)[]): string
  /** Makes a value a result of the graph; its type is inferred where it is not given. */
  output(name: string, type?: ElementType, dims?: readonly (number | string)[]): void
  /** Gives a value a second, public name. */
  alias(name: string, value: string): string
  /** Adds a node as it is, whose outputs must be names that the builder was told to avoid (see `rebuild`). */
  append(node: Node): void
  /** A name that is not in use, beginning with `stem`, kept for whoever asked. */
  fresh(stem: string): string
  build(metadata?: Readonly<Record<string, string>>): Graph
}

/** A builder with all of a graph but its nodes, which are appended one after the other, as they are or with others in their places. */
export function rebuild(graph: Graph): GraphBuilder {
  const names = [...namesIn(graph), ...nodeNamesIn(graph)]
  return createBuilder(graph.name, { ...graph, nodes: [] }, names)
}

/** A builder, empty or continuing `base`; names in `avoid` are not given to new values. */
export function createBuilder(
  name = 'graft',
  base?: Graph,
  avoid: Iterable<string> = [],
): GraphBuilder {
  const nodes: Node[] = [...(base?.nodes ?? [])]
  const inputs: ValueInfo[] = [...(base?.inputs ?? [])]
  const outputs: OutputInfo[] = [...(base?.outputs ?? [])]
  const initializers = new Map(base?.initializers)
  const opsets: Record<string, number> = { ...(base?.opsets ?? { '': defaultOpset }) }
  const taken = new Set<string>([...avoid, ...(base ? namesIn(base) : [])])
  // ONNX Runtime refuses two nodes of one name, and ours are named after their outputs.
  const nodeNames = new Set(base ? nodeNamesIn(base) : [])
  const reserved = new Set<string>()
  const made = new Map<string, string[]>()
  const counters = new Map<string, number>()

  const fresh = (stem: string): string => {
    let candidate = stem
    let count = counters.get(stem) ?? 0
    while (taken.has(candidate) || nodeNames.has(candidate)) candidate = `${stem}_${++count}`
    counters.set(stem, count)
    taken.add(candidate)
    reserved.add(candidate)
    return candidate
  }
  const claim = (wanted: string): string => {
    if (taken.has(wanted) && !reserved.delete(wanted)) {
      throw new GraftError('internal', `two values are named "${wanted}"`)
    }
    taken.add(wanted)
    return wanted
  }

  const add = (
    key: OperatorName,
    from: readonly (string | undefined)[],
    values: Readonly<Record<string, unknown>>,
    count: number,
    identity?: string,
  ): string[] => {
    const given = from.map((input) => input ?? '')
    while (given.at(-1) === '') given.pop()
    const signature = identity ?? `${key}(${given.join(',')})${JSON.stringify(values)}:${count}`
    const existing = made.get(signature)
    if (existing) return existing
    const dot = key.lastIndexOf('.')
    const domain = key.slice(0, Math.max(dot, 0))
    const operator = key.slice(dot + 1)
    const names = Array.from({ length: count }, () => fresh(operator))
    nodes.push({
      name: names[0] ?? operator,
      operator,
      domain,
      inputs: given,
      outputs: names,
      attributes: typedAttributes(key, values),
    })
    opsets[domain] ??= 1
    made.set(signature, names)
    return names
  }

  const constant = (value: Tensor): string => {
    // Large constants are compared by identity of their data alone: hashing them would cost more than it saves.
    const small = sizeOf(value.dims) <= 64
    const identity = small
      ? `constant ${value.type} [${value.dims}] ${value.data.join()}`
      : `constant ${fresh('Constant')}`
    return add('Constant', [], { value }, 1, identity)[0] as string
  }

  return {
    op: (operator, from, attributes = {}) => add(operator, from, attributes, 1)[0] as string,
    ops: (operator, from, attributes, count) => add(operator, from, attributes, count),
    constant,
    scalar: (value, type = 'float32') =>
      constant({
        type,
        dims: [],
        data:
          type === 'int64'
            ? BigInt64Array.of(BigInt(value))
            : new elementTypes[type as Exclude<ElementType, 'int64' | 'uint64'>].array([value]),
      }),
    int64s: (values) => constant(int64([values.length], values)),
    parameter(wanted, value) {
      initializers.set(claim(wanted), value)
      return wanted
    },
    input(wanted, type, dims) {
      inputs.push({ name: claim(wanted), type, dims })
      return wanted
    },
    output(value, type, dims) {
      outputs.push({ name: value, ...(type && { type }), ...(dims && { dims }) })
    },
    alias(wanted, value) {
      nodes.push({
        name: wanted,
        operator: 'Identity',
        domain: '',
        inputs: [value],
        outputs: [claim(wanted)],
        attributes: {},
      })
      return wanted
    },
    append(node) {
      nodeNames.add(node.name)
      nodes.push(node)
    },
    fresh,
    build: (metadata = {}) => ({
      name: base?.name ?? name,
      opsets: { ...opsets },
      inputs: [...inputs],
      outputs: [...outputs],
      nodes: [...nodes],
      initializers: new Map(initializers),
      metadata: { ...base?.metadata, ...metadata },
    }),
  }
}
