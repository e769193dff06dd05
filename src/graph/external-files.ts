import { fromBinary } from '@bufbuild/protobuf'
import { type GraphProto, ModelProtoSchema, type NodeProto, type TensorProto } from 'onnx-buf'
import { GraftError } from '../errors.ts'

/**
 * The other files that a model keeps weights in, as paths relative to its own folder (ONNX, docs/ExternalData.md).
 *
 * @throws GraftError `bad-model` where the bytes are no ONNX model
 */
export function externalFiles(bytes: Uint8Array): string[] {
  try {
    const { graph, functions } = fromBinary(ModelProtoSchema, bytes)
    const tensors = [
      ...(graph ? tensorsOf(graph) : []),
      ...functions.flatMap(({ node }) => node.flatMap(tensorsIn)),
    ]
    const entries = tensors.flatMap(({ externalData }) => externalData)
    return [...new Set(entries.filter(({ key }) => key === 'location').map(({ value }) => value))]
  } catch (cause) {
    throw new GraftError('bad-model', 'not an ONNX model: get the file again', { cause })
  }
}

function tensorsOf({ initializer, node }: GraphProto): TensorProto[] {
  return [...initializer, ...node.flatMap(tensorsIn)]
}

function tensorsIn({ attribute }: NodeProto): TensorProto[] {
  return attribute.flatMap(({ t, tensors, g, graphs }) => [
    ...(t ? [t] : []),
    ...tensors,
    ...[...(g ? [g] : []), ...graphs].flatMap(tensorsOf),
  ])
}
