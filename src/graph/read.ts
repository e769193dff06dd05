import { fromBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as AttributeKind,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
} from 'onnx-buf'
import { GraftError } from '../errors.ts'
import type { Attribute, Graph, Node, ValueInfo } from './graph.ts'
import { type ElementType, elementTypes, sizeOf, type Tensor, type TypedArray } from './tensor.ts'
import { newestOpset, oldestOpset, upgrade } from './upgrade.ts'
import { verify } from './verify.ts'

const elementTypeOfCode = new Map(
  Object.entries(elementTypes).map(([type, { code }]) => [code as number, type as ElementType]),
)

/**
 * Reads an ONNX model (operator sets 7 to 24 of the standard domain). Older forms of operators are rewritten to those of operator
 * set 18. An initializer that the exporter merged with an equal one, and copies through `Identity`, becomes a parameter of its
 * own again, named as the output of the `Identity`.
 *
 * @throws GraftError `bad-model` where the bytes are no ONNX model or the graph is not valid; `unsupported` for sparse
 * initializers, external data, subgraphs, model-local functions and element types that Graft does not know.
 */
export function readModel(bytes: Uint8Array): Graph {
  const model = parse(bytes)
  const graph = model.graph
  if (!graph || (graph.node.length === 0 && graph.output.length === 0)) {
    throw new GraftError('bad-model', 'not an ONNX model: it holds no graph')
  }
  const opsets: Record<string, number> = {}
  for (const { domain, version } of model.opsetImport) {
    opsets[domain === 'ai.onnx' ? '' : domain] = Number(version)
  }
  const opset = opsets['']
  if (opset === undefined) throw new GraftError('bad-model', 'the model names no operator set')
  if (opset < oldestOpset || opset > newestOpset) {
    throw new GraftError(
      'unsupported',
      `the model uses operator set ${opset}; Graft reads ${oldestOpset} to ${newestOpset}: export it again with one of those`,
    )
  }
  if (model.functions.length > 0) {
    throw new GraftError(
      'unsupported',
      `the model defines functions of its own ("${model.functions[0]?.name}"): inline them with onnx.inliner first`,
    )
  }
  if (graph.sparseInitializer.length > 0) {
    throw new GraftError('unsupported', 'the model has sparse initializers: store them densely')
  }
  const read = untie(readGraph(graph, opsets, model))
  const upgraded = upgrade(read)
  verify(upgraded)
  return upgraded
}

function parse(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes)
  } catch (cause) {
    throw new GraftError(
      'bad-model',
      'not an ONNX model, or only a part of one (the file may be truncated): get it again',
      { cause },
    )
  }
}

function readGraph(graph: GraphProto, opsets: Record<string, number>, model: ModelProto): Graph {
  const initializers = new Map<string, Tensor>()
  for (const tensor of graph.initializer) {
    initializers.set(tensor.name, readTensor(tensor, `initializer "${tensor.name}"`))
  }
  return {
    name: graph.name || 'model',
    opsets,
    // Before IR version 4, initializers were listed as inputs too.
    inputs: graph.input.filter((input) => !initializers.has(input.name)).map(readValueInfo),
    outputs: graph.output.map((output) =>
      output.type ? readValueInfo(output) : { name: output.name },
    ),
    nodes: graph.node.map(readNode),
    initializers,
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
  }
}

function readValueInfo(info: ValueInfoProto): ValueInfo {
  const kind = info.type?.value
  if (kind?.case !== 'tensorType') {
    throw new GraftError('unsupported', `"${info.name}" is not a tensor`)
  }
  const dims = (kind.value.shape?.dim ?? []).map((dim, axis) =>
    // Some exporters write 0 or -1 for a dimension that is open.
    dim.value.case === 'dimValue' && dim.value.value > 0n
      ? Number(dim.value.value)
      : (dim.value.case === 'dimParam' && dim.value.value) || `${info.name}_${axis}`,
  )
  return { name: info.name, type: elementTypeOf(kind.value.elemType, `"${info.name}"`), dims }
}

function elementTypeOf(code: number, where: string): ElementType {
  const type = elementTypeOfCode.get(code)
  if (!type) throw new GraftError('unsupported', `${where} has ONNX element type ${code}`)
  return type
}

function readNode(node: NodeProto): Node {
  const where = `${node.opType} node "${node.name || node.output[0]}"`
  const attributes: Record<string, Attribute> = {}
  for (const attribute of node.attribute) {
    attributes[attribute.name] = readAttribute(attribute, where)
  }
  return {
    name: node.name,
    operator: node.opType,
    domain: node.domain === 'ai.onnx' ? '' : node.domain,
    inputs: node.input,
    outputs: node.output,
    attributes: node.opType === 'Constant' ? constantAttribute(attributes, where) : attributes,
  }
}

const text = new TextDecoder()

const attributeReaders: Partial<
  Record<AttributeKind, (attribute: AttributeProto, where: string) => Attribute>
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
  [AttributeKind.TENSOR]: (a, where) => {
    if (a.t) return { type: 'tensor', value: readTensor(a.t, where) }
    throw new GraftError('bad-model', `${where}: attribute "${a.name}" has no value`)
  },
}

function readAttribute(attribute: AttributeProto, where: string): Attribute {
  const read = attributeReaders[attribute.type]
  if (read) return read(attribute, where)
  if (attribute.type === AttributeKind.GRAPH || attribute.type === AttributeKind.GRAPHS) {
    throw new GraftError(
      'unsupported',
      `${where} holds a subgraph (control flow), which Graft does not run: export the model without it`,
    )
  }
  throw new GraftError(
    'unsupported',
    `${where}: attribute "${attribute.name}" has a type that Graft does not read`,
  )
}

/** The shorthand attributes of `Constant`, all as the one tensor `value`. */
function constantAttribute(
  attributes: Readonly<Record<string, Attribute>>,
  where: string,
): Readonly<Record<string, Attribute>> {
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

/** Where ONNX keeps the values of a tensor that are not raw bytes. */
const typedFields: Partial<
  Record<ElementType, (tensor: TensorProto) => readonly (number | bigint)[]>
> = {
  float32: (tensor) => tensor.floatData,
  float64: (tensor) => tensor.doubleData,
  int64: (tensor) => tensor.int64Data,
  uint64: (tensor) => tensor.uint64Data,
  uint32: (tensor) => tensor.uint64Data.map(Number),
}

function readTensor(tensor: TensorProto, where: string): Tensor {
  const type = elementTypeOf(tensor.dataType, where)
  const dims = tensor.dims.map(Number)
  const size = sizeOf(dims)
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    throw new GraftError(
      'unsupported',
      `${where} keeps its values in another file: save the model with its weights inside`,
    )
  }
  const { array } = elementTypes[type]
  const raw = tensor.rawData
  const field = typedFields[type] ?? ((t: TensorProto) => t.int32Data)
  // Raw bytes may start anywhere in the file, typed arrays may not: copy them to an address of their own.
  const data = (
    raw.length > 0
      ? raw.length % array.BYTES_PER_ELEMENT === 0 && new array(new Uint8Array(raw).buffer)
      : (array as { from(values: Iterable<number | bigint>): TypedArray }).from(field(tensor))
  ) as TypedArray | false
  if (!data || data.length !== size) {
    throw new GraftError('bad-model', `${where} does not hold the ${size} values of [${dims}]`)
  }
  return { type, dims, data }
}

/** Gives each copy that an `Identity` makes of an initializer values of its own. */
function untie(graph: Graph): Graph {
  const initializers = new Map(graph.initializers)
  const outputs = new Set(graph.outputs.map((output) => output.name))
  const nodes = graph.nodes.filter((node) => {
    const [from, to] = [node.inputs[0] ?? '', node.outputs[0] ?? '']
    const original = initializers.get(from)
    if (node.operator !== 'Identity' || node.domain !== '' || !original || outputs.has(to))
      return true
    initializers.set(to, { ...original, data: original.data.slice() })
    return false
  })
  return { ...graph, nodes, initializers }
}
