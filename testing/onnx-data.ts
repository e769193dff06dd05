import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fromBinary } from '@bufbuild/protobuf'
import {
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
} from 'onnx-buf'
import {
  type ElementType,
  elementTypes,
  type Tensor,
  type TypedArray,
} from '../src/graph/tensor.ts'

/** A tensor of ONNX's test data: one of ours, or one of text. */
export type TestTensor =
  | Tensor
  | { readonly type: 'string'; readonly dims: readonly number[]; readonly data: readonly string[] }

/** Inputs, and the outputs that they must give, in the order of the model. */
export type DataSet = {
  readonly inputs: readonly TestTensor[]
  readonly outputs: readonly TestTensor[]
}

/** A test of ONNX's backend test suite: a model and what it must compute. */
export type TestCase = {
  readonly name: string
  readonly bytes: Uint8Array
  readonly model: ModelProto
  /** Throws where an input or output is no tensor. */
  dataSets(): readonly DataSet[]
}

/**
 * The folder of ONNX's backend tests, version 1.12: that of the Debian package libonnx-testdata, or the one that the variable
 * GRAFT_ONNX_TESTDATA names. Undefined where the package is not installed.
 */
export function findOnnxTests(): string | undefined {
  const named = process.env.GRAFT_ONNX_TESTDATA
  const folder = named ?? '/usr/share/libonnx-testdata/data'
  if (existsSync(join(folder, 'node'))) return folder
  if (named) throw new Error(`GRAFT_ONNX_TESTDATA is ${named}, which has no folder "node"`)
  return undefined
}

/** The node tests whose names begin with one of the given words: all of them, or else those that are kept in test/onnx/data. */
export function readNodeTests(...words: readonly string[]): TestCase[] {
  const all = findOnnxTests()
  const folder = all
    ? join(all, 'node')
    : fileURLToPath(new URL('../test/onnx/data', import.meta.url))
  return readTestCases(folder).filter(
    ({ name }) =>
      words.some((word) => name.startsWith(`test_${word}`)) && !name.endsWith('_expanded'),
  )
}

/** The tests in a folder of ONNX's test data, in alphabetical order. */
export function readTestCases(folder: string): TestCase[] {
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'model.onnx')))
    .sort()
    .map((name) => readTestCase(join(folder, name), name))
}

function readTestCase(folder: string, name: string): TestCase {
  const bytes = readFileSync(join(folder, 'model.onnx'))
  const model = fromBinary(ModelProtoSchema, bytes)
  return {
    name,
    bytes,
    model,
    dataSets: () =>
      readdirSync(folder)
        .filter((entry) => entry.startsWith('test_data_set_'))
        .map((entry) => ({
          inputs: readValues(join(folder, entry), 'input', model.graph?.input ?? []),
          outputs: readValues(join(folder, entry), 'output', model.graph?.output ?? []),
        })),
  }
}

function readValues(folder: string, kind: string, infos: readonly ValueInfoProto[]): TestTensor[] {
  const count = readdirSync(folder).filter((file) => file.startsWith(`${kind}_`)).length
  return Array.from({ length: count }, (_, index) => {
    const type = infos[index]?.type?.value.case
    if (type !== 'tensorType') throw new Error(`${kind} ${index} is a ${type}`)
    const bytes = readFileSync(join(folder, `${kind}_${index}.pb`))
    return readTensor(fromBinary(TensorProtoSchema, bytes))
  })
}

const utf8 = new TextDecoder()

/** Where ONNX keeps the values of a tensor that are not raw bytes; the other types are in `int32Data`. */
const fields: Partial<
  Record<ElementType, 'floatData' | 'doubleData' | 'int64Data' | 'uint64Data'>
> = {
  float32: 'floatData',
  float64: 'doubleData',
  int64: 'int64Data',
  uint32: 'uint64Data',
  uint64: 'uint64Data',
}

/** Reads a tensor by the specification, apart from the reader that the tests are about. */
function readTensor(tensor: TensorProto): TestTensor {
  const dims = tensor.dims.map(Number)
  if (tensor.dataType === 8) {
    return { type: 'string', dims, data: tensor.stringData.map((bytes) => utf8.decode(bytes)) }
  }
  const found = Object.entries(elementTypes).find(([, { code }]) => code === tensor.dataType)
  if (!found) throw new Error(`element type ${tensor.dataType}`)
  const [type, { array }] = found as [ElementType, { array: new (of: unknown) => TypedArray }]
  const data =
    tensor.rawData.length > 0
      ? new Uint8Array(tensor.rawData).buffer
      : type === 'uint32'
        ? tensor.uint64Data.map(Number)
        : tensor[fields[type] ?? 'int32Data']
  return { type, dims, data: new array(data) }
}

/**
 * What is wrong with a result: its type, its dimensions or its first value that is too far away; undefined where nothing is. By
 * default the relative error may be that which ONNX's own tests allow, for floating-point numbers alone.
 */
export function difference(
  actual: TestTensor | undefined,
  expected: TestTensor,
  tolerance = { relative: 1e-3, absolute: 1e-5 },
): string | undefined {
  const describe = ({ type, dims }: TestTensor) => `${type} [${dims.join(', ')}]`
  if (!actual) return 'is not there'
  if (describe(actual) !== describe(expected)) {
    return `is ${describe(actual)}, not ${describe(expected)}`
  }
  const { relative, absolute } = expected.type.startsWith('float')
    ? tolerance
    : { relative: 0, absolute: 0 }
  const isClose = (a: Value | undefined, b: Value) =>
    Object.is(a, b) ||
    a === b ||
    Math.abs(Number(a) - Number(b)) <= absolute + relative * Math.abs(Number(b))
  const [found, wanted] = [valuesOf(actual), valuesOf(expected)]
  const index = wanted.findIndex((value, i) => !isClose(found[i], value))
  return index < 0 ? undefined : `has ${found[index]} at ${index}, not ${wanted[index]}`
}

type Value = number | bigint | string

function valuesOf({ type, data }: TestTensor): Value[] {
  if (type === 'float16' && data instanceof Uint16Array) return Array.from(data, float16)
  return Array.from<Value>(data as ArrayLike<Value>)
}

function float16(bits: number): number {
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  const sign = bits >> 15 ? -1 : 1
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction)
}
