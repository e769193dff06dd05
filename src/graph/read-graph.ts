import {
  AttributeProto_AttributeType as AttributeKind,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type NodeProto,
  type OperatorSetIdProto,
  type ValueInfoProto,
} from 'onnx-buf'
import { GraftError } from '../errors.ts'
import type { ModelFunction } from './functions.ts'
import type { Attribute, Attributes, Node, OutputInfo, Subgraph, ValueInfo } from './graph.ts'
import { type ExternalData, elementTypeOf, readTensor } from './read-tensor.ts'
import type { Tensor, TypedArray } from './tensor.ts'

/** What the parts of a model are read with. */
export type Reading = {
  readonly external: ExternalData | undefined
  /** In the body of a function: the attributes of the call, which its nodes may refer to. */
  readonly bound?: Attributes
}

export function readOpsets(imports: readonly OperatorSetIdProto[]): Record<string, number> {
  return Object.fromEntries(
    imports.map(({ domain, version }) => [plainDomain(domain), Number(version)]),
  )
}

/** The standard domain has two names. */
const plainDomain = (domain: string) => (domain === 'ai.onnx' ? '' : domain)

export function readGraph(graph: GraphProto, reading: Reading): Subgraph {
  if (graph.sparseInitializer.length > 0) {
    throw new GraftError('unsupported', 'the model has sparse initializers: store them densely')
  }
  const initializers = new Map<string, Tensor>()
  for (const tensor of graph.initializer) {
    const where = `initializer "${tensor.name}"`
    initializers.set(tensor.name, readTensor(tensor, where, reading.external))
  }
  return {
    name: graph.name || 'model',
    // Before IR version 4, initializers were listed as inputs too.
    inputs: graph.input.filter((input) => !initializers.has(input.name)).map(readInfo),
    outputs: graph.output.map(readInfo),
    nodes: graph.node.map((node) => readNode(node, reading)),
    initializers,
  }
}

/** The functions that a model defines. Their nodes are read anew for every call, with the attributes of that call. */
export function readFunction(definition: FunctionProto, reading: Reading): ModelFunction {
  const { name, overload, input, output, node } = definition
  const where = `function "${name}"`
  const defaults = readAttributes(definition.attributeProto, where, reading)
  return {
    domain: plainDomain(definition.domain),
    name: withOverload(name, overload),
    inputs: input,
    outputs: output,
    opsets: readOpsets(definition.opsetImport),
    body: (attributes) => {
      const bound = { ...defaults, ...attributes }
      return node.map((inner) => readNode(inner, { ...reading, bound }))
    },
  }
}

/** Functions may share a name; calls say which one they mean. */
const withOverload = (name: string, overload: string) => (overload ? `${name}:${overload}` : name)

function readInfo({ name, type }: ValueInfoProto): OutputInfo {
  if (!type) return { name }
  if (type.value.case !== 'tensorType') {
    throw new GraftError('unsupported', `"${name}" is not a tensor`)
  }
  const { elemType, shape } = type.value.value
  // Within a model a type may be left open.
  if (elemType === 0) return { name }
  const dims = shape?.dim.map((dim, axis) =>
    // Some exporters write 0 or -1 for a dimension that is open.
    dim.value.case === 'dimValue' && dim.value.value > 0n
      ? Number(dim.value.value)
      : (dim.value.case === 'dimParam' && dim.value.value) || `${name}_${axis}`,
  )
  return { name, type: elementTypeOf(elemType, `"${name}"`), ...(dims && { dims }) }
}

/** An input of the model itself, whose type must be there. */
export function requireType({ name, type, dims = [] }: OutputInfo): ValueInfo {
  if (!type) throw new GraftError('unsupported', `"${name}" is not a tensor`)
  return { name, type, dims }
}

function readNode(node: NodeProto, reading: Reading): Node {
  const where = `${node.opType} node "${node.name || node.output[0]}"`
  const attributes = readAttributes(node.attribute, where, reading)
  return {
    name: node.name,
    operator: withOverload(node.opType, node.overload),
    domain: plainDomain(node.domain),
    inputs: node.input,
    outputs: node.output,
    attributes: node.opType === 'Constant' ? constantAttribute(attributes, where) : attributes,
  }
}

const text = new TextDecoder()

const attributeReaders: Partial<
  Record<AttributeKind, (attribute: AttributeProto, where: string, reading: Reading) => Attribute>
> = {
  [AttributeKind.INT]: (a) => ({ type: 'int', value: Number(a.i) }),
  [AttributeKind.FLOAT]: (a) => ({ type: 'float', value: a.f }),
  [AttributeKind.STRING]: (a) => ({ type: 'string', value: text.decode(a.s) }),
  [AttributeKind.INTS]: (a) => ({ type: 'ints', value: a.ints.map(Number) }),
  [AttributeKind.FLOATS]: (a) => ({ type: 'floats', value: a.floats }),
  [AttributeKind.STRINGS]: (a) => ({
    type: 'strings',
    value: a.strings.map((s) => text.decode(s)),
  }),
  [AttributeKind.TENSOR]: ({ name, t }, where, { external }) => {
    if (t) return { type: 'tensor', value: readTensor(t, where, external) }
    throw new GraftError('bad-model', `${where}: attribute "${name}" has no value`)
  },
  [AttributeKind.GRAPH]: ({ name, g }, where, reading) => {
    if (g) return { type: 'graph', value: readGraph(g, reading) }
    throw new GraftError('bad-model', `${where}: attribute "${name}" has no value`)
  },
}

function readAttributes(
  given: readonly AttributeProto[],
  where: string,
  reading: Reading,
): Attributes {
  const attributes: Record<string, Attribute> = {}
  for (const attribute of given) {
    const value = readAttribute(attribute, where, reading)
    if (value) attributes[attribute.name] = value
  }
  return attributes
}

/** Undefined where it refers to an attribute that the call of a function leaves out. */
function readAttribute(
  attribute: AttributeProto,
  where: string,
  reading: Reading,
): Attribute | undefined {
  const { name, refAttrName, type } = attribute
  if (refAttrName !== '') {
    if (reading.bound) return reading.bound[refAttrName]
    throw new GraftError(
      'bad-model',
      `${where}: attribute "${name}" refers to "${refAttrName}" of a function, but is in none`,
    )
  }
  const read = attributeReaders[type]
  if (read) return read(attribute, where, reading)
  throw new GraftError(
    'unsupported',
    `${where}: attribute "${name}" has a type that Graft does not read`,
  )
}

/** The shorthand attributes of `Constant`, all as the one tensor `value`. */
function constantAttribute(attributes: Attributes, where: string): Attributes {
  const [given] = Object.values(attributes)
  if (given?.type === 'tensor') return { value: given }
  const as = (type: 'float32' | 'int64', dims: number[], data: TypedArray) =>
    ({ value: { type: 'tensor', value: { type, dims, data } } }) as const
  if (given?.type === 'float') return as('float32', [], Float32Array.of(given.value))
  if (given?.type === 'int') return as('int64', [], BigInt64Array.of(BigInt(given.value)))
  if (given?.type === 'floats') {
    return as('float32', [given.value.length], Float32Array.from(given.value))
  }
  if (given?.type === 'ints') {
    return as('int64', [given.value.length], BigInt64Array.from(given.value, BigInt))
  }
  throw new GraftError('unsupported', `${where} holds a constant that is no dense tensor`)
}
