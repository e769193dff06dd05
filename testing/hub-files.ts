import { createHash } from 'node:crypto'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  ModelProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from 'onnx-buf'
import { createBuilder } from '../src/graph/builder.ts'
import { float32 } from '../src/graph/tensor.ts'
import { writeModel } from '../src/graph/write.ts'

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** A network of one addition, of some 40 kB. */
export function smallNetwork(values = 10_000): Buffer {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['N', values])
  const weight = builder.constant(
    float32(
      [values],
      Float32Array.from({ length: values }, (_, i) => i),
    ),
  )
  builder.output(builder.op('Add', [x, weight]), 'float32', ['N', values])
  return Buffer.from(writeModel(builder.build()))
}

/** The same with its 1000 weights in another file. */
export function splitNetwork(location: string): {
  readonly model: Buffer
  readonly weights: Buffer
} {
  const model = fromBinary(ModelProtoSchema, smallNetwork(1000))
  const weights = Buffer.alloc(4000, 1)
  const entries = Object.entries({ location, offset: '0', length: '4000' })
  const tensor = create(TensorProtoSchema, {
    name: model.graph?.initializer[0]?.name ?? '',
    dataType: TensorProto_DataType.FLOAT,
    dims: [1000n],
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: entries.map(([key, value]) => ({ key, value })),
  })
  if (model.graph) model.graph.initializer = [tensor]
  return { model: Buffer.from(toBinary(ModelProtoSchema, model)), weights }
}
