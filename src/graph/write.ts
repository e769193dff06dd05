import { create, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as AttributeKind,
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import type { Attribute, Graph, Node, OutputInfo, Subgraph } from './graph.ts'
import type { HalfType } from './half-precision.ts'
import { withHalfWeights } from './half-weights.ts'
import { bytesOf, elementTypes, type Tensor } from './tensor.ts'

/** The IR version that came with each operator set (ONNX, docs/Versioning.md). */
const irVersions: readonly (readonly [opset: number, ir: bigint])[] = [
  [23, 11n],
  [21, 10n],
  [19, 9n],
  [0, 8n],
]

export type WriteOptions = {
  /**
   * How float32 parameters are stored; default float32. In 16 bits they are rounded to nearest, and a cast to float32 follows each, so that
   * the model runs wherever it ran before.
   */
  readonly weights?: 'float32' | HalfType
}

/**
 * Writes a graph as an ONNX model file.
 *
 * @throws GraftError `unsupported` where a parameter has a value that is too large for the type of `weights`
 */
export function writeModel(given: Graph, { weights = 'float32' }: WriteOptions = {}): Uint8Array {
  const graph = weights === 'float32' ? given : withHalfWeights(given, weights)
  const opset = graph.opsets[''] ?? 0
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: irVersions.find(([from]) => opset >= from)?.[1] ?? 8n,
      producerName: 'graft',
      opsetImport: Object.entries(graph.opsets).map(([domain, version]) =>
        create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
      ),
      metadataProps: Object.entries(graph.metadata).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      ),
      graph: writeGraph(graph),
    }),
  )
}

function writeGraph(graph: Subgraph): GraphProto {
  return create(GraphProtoSchema, {
    name: graph.name,
    node: graph.nodes.map(writeNode),
    initializer: [...graph.initializers].map(([name, tensor]) => writeTensor(tensor, name)),
    input: graph.inputs.map(writeValueInfo),
    output: graph.outputs.map(writeValueInfo),
  })
}

function writeNode(node: Node) {
  return create(NodeProtoSchema, {
    name: node.name,
    opType: node.operator,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, attribute]) =>
      writeAttribute(name, attribute),
    ),
  })
}

const utf8 = new TextEncoder()
const encode = (value: string) => utf8.encode(value) as Uint8Array<ArrayBuffer>

function writeAttribute(name: string, { type, value }: Attribute): AttributeProto {
  const fields = {
    int: () => ({ type: AttributeKind.INT, i: toInt64(value as number) }),
    float: () => ({ type: AttributeKind.FLOAT, f: value as number }),
    string: () => ({ type: AttributeKind.STRING, s: encode(value as string) }),
    ints: () => ({ type: AttributeKind.INTS, ints: (value as number[]).map(toInt64) }),
    floats: () => ({ type: AttributeKind.FLOATS, floats: [...(value as number[])] }),
    strings: () => ({ type: AttributeKind.STRINGS, strings: (value as string[]).map(encode) }),
    tensor: () => ({ type: AttributeKind.TENSOR, t: writeTensor(value as Tensor, '') }),
    graph: () => ({ type: AttributeKind.GRAPH, g: writeGraph(value as Subgraph) }),
  }[type]()
  return create(AttributeProtoSchema, { name, ...fields })
}

/** Slices are closed with the largest int64, which as a float is one too large. */
function toInt64(value: number): bigint {
  return BigInt.asIntN(64, value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value))
}

function writeTensor(tensor: Tensor, name: string): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: elementTypes[tensor.type].code,
    dims: tensor.dims.map(BigInt),
    rawData: bytesOf(tensor) as Uint8Array<ArrayBuffer>,
  })
}

function writeValueInfo({ name, type, dims }: OutputInfo): ValueInfoProto {
  if (!type) return create(ValueInfoProtoSchema, { name })
  const dim = dims?.map((value) =>
    create(TensorShapeProto_DimensionSchema, {
      value:
        typeof value === 'string'
          ? { case: 'dimParam', value }
          : { case: 'dimValue', value: BigInt(value) },
    }),
  )
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, {
      value: {
        case: 'tensorType',
        value: create(TypeProto_TensorSchema, {
          elemType: elementTypes[type].code,
          ...(dim && { shape: create(TensorShapeProtoSchema, { dim }) }),
        }),
      },
    }),
  })
}
