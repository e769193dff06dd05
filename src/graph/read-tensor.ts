import { type TensorProto, TensorProto_DataLocation } from 'onnx-buf'
import { GraftError } from '../errors.ts'
import { type ElementType, elementTypes, sizeOf, type Tensor, type TypedArray } from './tensor.ts'

/**
 * Reads a part of a file that a model keeps its weights in.
 *
 * @param location the path that the model gives, relative to its own folder
 * @param where how errors name the tensor
 * @throws GraftError where the file is not there, too short, or not within the folder
 */
export type ExternalData = (
  location: string,
  offset: number,
  bytes: number,
  where: string,
) => Uint8Array<ArrayBuffer>

const elementTypeOfCode = new Map(
  Object.entries(elementTypes).map(([type, { code }]) => [code as number, type as ElementType]),
)

/** The element type of a code of ONNX; throws `unsupported` for one that Graft does not know. */
export function elementTypeOf(code: number, where: string): ElementType {
  const type = elementTypeOfCode.get(code)
  if (!type) throw new GraftError('unsupported', `${where} has ONNX element type ${code}`)
  return type
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

export function readTensor(
  tensor: TensorProto,
  where: string,
  external: ExternalData | undefined,
): Tensor {
  const type = elementTypeOf(tensor.dataType, where)
  const dims = tensor.dims.map(Number)
  const size = sizeOf(dims)
  const { array } = elementTypes[type]
  const wrong = new GraftError(
    'bad-model',
    `${where} does not hold the ${size} values of [${dims}]`,
  )
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const bytes = size * array.BYTES_PER_ELEMENT
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw wrong
    const raw = readExternal(tensor, bytes, where, external)
    return { type, dims, data: new array(raw.buffer) }
  }
  const raw = tensor.rawData
  const field = typedFields[type] ?? ((t: TensorProto) => t.int32Data)
  // Raw bytes may start anywhere in the file, typed arrays may not: copy them to an address of their own.
  const data = (
    raw.length > 0
      ? raw.length % array.BYTES_PER_ELEMENT === 0 && new array(new Uint8Array(raw).buffer)
      : (array as { from(values: Iterable<number | bigint>): TypedArray }).from(field(tensor))
  ) as TypedArray | false
  if (!data || data.length !== size) throw wrong
  return { type, dims, data }
}

function readExternal(
  { externalData }: TensorProto,
  bytes: number,
  where: string,
  external: ExternalData | undefined,
): Uint8Array<ArrayBuffer> {
  const entries = new Map(externalData.map(({ key, value }) => [key, value]))
  const location = entries.get('location') ?? ''
  if (!location) throw new GraftError('bad-model', `${where} names no file for its values`)
  const offset = Number(entries.get('offset') ?? 0)
  const length = Number(entries.get('length') ?? bytes)
  if (!Number.isSafeInteger(offset) || offset < 0 || length !== bytes) {
    throw new GraftError(
      'bad-model',
      `${where} is ${bytes} bytes, but the model places ${entries.get('length') ?? bytes} at ${entries.get('offset') ?? 0} of "${location}"`,
    )
  }
  if (!external) {
    throw new GraftError(
      'unsupported',
      `${where} keeps its values in another file, "${location}": save the model with its weights inside, or say how to read that file`,
    )
  }
  return external(location, offset, bytes, where)
}
