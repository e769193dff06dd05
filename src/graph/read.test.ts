import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import {
  AttributeProto_AttributeType as AttributeKind,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  SparseTensorProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from 'onnx-buf'
import { describe, expect, test } from 'vitest'
import { GraftError } from '../errors.ts'
import { createBuilder } from './builder.ts'
import { readModel } from './read.ts'
import { float32 } from './tensor.ts'
import { writeModel } from './write.ts'

/** y = relu(x w + b) + c. */
function model(): Uint8Array {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['batch', 3])
  const w = builder.parameter('w', float32([3, 2], [1, 2, 3, 4, 5, 6]))
  const b = builder.parameter('b', float32([2], [7, 8]))
  const sum = builder.op('Add', [builder.op('MatMul', [x, w]), b])
  const y = builder.op('Add', [builder.op('Relu', [sum]), builder.scalar(0.5)])
  builder.output(builder.alias('y', y), 'float32', ['batch', 2])
  return writeModel(builder.build())
}

const bytes = model()

/** The model with its protobuf changed before it is written. */
function changed(change: (graph: GraphProto, model: ModelProto) => void): Uint8Array {
  const proto = fromBinary(ModelProtoSchema, bytes)
  change(proto.graph as GraphProto, proto)
  return toBinary(ModelProtoSchema, proto)
}

/** The code and the message of the error that reading throws; anything but a GraftError is thrown on. */
function failure(given: Uint8Array): string | undefined {
  try {
    readModel(given)
    return undefined
  } catch (error) {
    if (error instanceof GraftError) return `${error.code}: ${error.message}`
    throw error
  }
}

describe('bytes that are no model', () => {
  test('nothing', () => {
    expect(failure(new Uint8Array())).toBe('bad-model: not an ONNX model: it holds no graph')
  })

  test('text', () => {
    const page = new TextEncoder().encode('<!DOCTYPE html><html><body>404</body></html>')
    expect(failure(page)).toContain('bad-model: not an ONNX model')
  })

  test('any part of a model', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(failure(bytes.subarray(0, length)), `${length} bytes`).toMatch(/^bad-model: /)
    }
  })

  test('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
        expect(failure(garbage)).toMatch(/^(bad-model|unsupported): /)
      }),
    )
  })

  test('a model with some bytes changed is read or refused, and nothing else', () => {
    const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const damaged = bytes.slice()
        for (const { at, to } of changes) damaged[at] = to
        expect(failure(damaged) ?? 'unsupported: ').toMatch(/^(bad-model|unsupported): /)
      }),
      { numRuns: 500 },
    )
  })
})

describe('what Graft cannot use is refused with a reason', () => {
  const node = (graph: GraphProto) => graph.node[0] as NodeProto
  const weights = (graph: GraphProto) => graph.initializer[0] as TensorProto
  const attribute = (fields: object) =>
    create(AttributeProtoSchema, { name: 'then_branch', ...fields })

  test.each<[string, (graph: GraphProto, model: ModelProto) => void, string]>([
    [
      'no operator set',
      (_, m) => {
        m.opsetImport = []
      },
      'bad-model: the model names no operator set',
    ],
    [
      'weights in another file',
      (g) => {
        weights(g).dataLocation = TensorProto_DataLocation.EXTERNAL
        weights(g).externalData = [
          create(StringStringEntryProtoSchema, { key: 'location', value: 'w.bin' }),
        ]
      },
      'unsupported: initializer "w" keeps its values in another file, "w.bin": save the model with its weights inside',
    ],
    [
      'too few weights',
      (g) => {
        weights(g).rawData = new Uint8Array(20)
      },
      'bad-model: initializer "w" does not hold the 6 values of [3,2]',
    ],
    [
      'half a weight',
      (g) => {
        weights(g).rawData = new Uint8Array(23)
      },
      'bad-model: initializer "w" does not hold the 6 values of [3,2]',
    ],
    [
      'an unknown element type',
      (g) => {
        weights(g).dataType = 14
      },
      'unsupported: initializer "w" has ONNX element type 14',
    ],
    [
      'sparse weights',
      (g) => {
        g.sparseInitializer = [create(SparseTensorProtoSchema, {})]
      },
      'unsupported: the model has sparse initializers: store them densely',
    ],
    [
      'a subgraph where none belongs',
      (g) => {
        node(g).attribute = [
          attribute({ type: AttributeKind.GRAPH, g: create(GraphProtoSchema, {}) }),
        ]
      },
      'bad-model: MatMul node "MatMul" has no attribute "then_branch"',
    ],
    [
      'a list of subgraphs',
      (g) => {
        node(g).attribute = [attribute({ type: AttributeKind.GRAPHS })]
      },
      'unsupported: MatMul node "MatMul": attribute "then_branch" has a type that Graft does not read',
    ],
    [
      'an attribute of a function outside of one',
      (g) => {
        node(g).attribute = [attribute({ refAttrName: 'alpha' })]
      },
      'bad-model: MatMul node "MatMul": attribute "then_branch" refers to "alpha" of a function',
    ],
    [
      'an attribute of no type',
      (g) => {
        node(g).attribute = [attribute({})]
      },
      'unsupported: MatMul node "MatMul": attribute "then_branch" has a type that Graft does not read',
    ],
    [
      'a tensor attribute without a tensor',
      (g) => {
        node(g).attribute = [attribute({ type: AttributeKind.TENSOR })]
      },
      'bad-model: MatMul node "MatMul": attribute "then_branch" has no value',
    ],
    [
      'an input that is no tensor',
      (g) => {
        delete g.input[0]?.type
      },
      'unsupported: "x" is not a tensor',
    ],
    [
      'an invalid graph',
      (g) => {
        node(g).input = ['x']
      },
      'bad-model: MatMul node "MatMul" takes 2 inputs, not 1',
    ],
  ])('%s', (_, change, message) => {
    expect(failure(changed(change))).toContain(message)
  })
})

describe('the forms in which ONNX keeps values', () => {
  test.each([
    ['float32', 1, { floatData: [0.5, -2] }],
    ['float64', 11, { doubleData: [0.5, -2] }],
    ['int64', 7, { int64Data: [5n, -2n] }],
    ['uint64', 13, { uint64Data: [5n, 2n ** 63n] }],
    ['uint32', 12, { uint64Data: [5n, 2n ** 31n] }],
    ['int32', 6, { int32Data: [5, -2] }],
    ['uint8', 2, { int32Data: [5, 255] }],
    ['int8', 3, { int32Data: [5, -2] }],
    ['bool', 9, { int32Data: [1, 0] }],
  ] as const)('%s in the field of its type', (type, dataType, field) => {
    const tensor = create(TensorProtoSchema, {
      name: 'more',
      dataType,
      dims: [2n],
      ...(field as object),
    })
    const read = readModel(changed((graph) => graph.initializer.push(tensor)))
    const more = read.initializers.get('more')
    expect(more?.type).toBe(type)
    expect(Array.from(more?.data as Float32Array, String)).toEqual(
      Object.values(field)[0].map(String),
    )
  })

  test('raw values at any address of the file', () => {
    for (let shift = 0; shift < 8; shift++) {
      const moved = new Uint8Array(bytes.length + shift)
      moved.set(bytes, shift)
      const read = readModel(moved.subarray(shift))
      expect(read.initializers.get('w')?.data).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
    }
  })

  test('a tensor of no elements', () => {
    const empty = create(TensorProtoSchema, { name: 'none', dataType: 1, dims: [0n, 3n] })
    const read = readModel(changed((graph) => graph.initializer.push(empty)))
    expect(read.initializers.get('none')).toEqual(float32([0, 3], []))
  })
})

describe('constants', () => {
  const constant = (fields: object) =>
    changed((graph) =>
      graph.node.unshift(
        create(NodeProtoSchema, {
          opType: 'Constant',
          output: ['k'],
          attribute: [create(AttributeProtoSchema, fields)],
        }),
      ),
    )
  const read = (fields: object) => readModel(constant(fields)).nodes[0]?.attributes.value?.value

  test.each([
    ['value_float', { type: AttributeKind.FLOAT, f: 0.5 }, float32([], [0.5])],
    ['value_floats', { type: AttributeKind.FLOATS, floats: [0.5, 1] }, float32([2], [0.5, 1])],
    [
      'value_int',
      { type: AttributeKind.INT, i: 3n },
      { type: 'int64', dims: [], data: BigInt64Array.of(3n) },
    ],
    [
      'value_ints',
      { type: AttributeKind.INTS, ints: [3n, -1n] },
      { type: 'int64', dims: [2], data: BigInt64Array.of(3n, -1n) },
    ],
  ])('%s is a tensor', (name, fields, tensor) => {
    expect(read({ name, ...fields })).toEqual(tensor)
  })

  test('text is refused', () => {
    const text = { name: 'value_string', type: AttributeKind.STRING, s: new Uint8Array([65]) }
    expect(failure(constant(text))).toBe(
      'unsupported: Constant node "k" holds a constant that is no dense tensor',
    )
  })
})

describe('parameters that an exporter merged', () => {
  const tied = changed((graph) => {
    graph.node.unshift(
      create(NodeProtoSchema, { opType: 'Identity', input: ['b'], output: ['other.bias'] }),
    )
  })

  test('are apart again, each with values of its own', () => {
    const { initializers, nodes } = readModel(tied)
    expect([...initializers.keys()]).toEqual(['w', 'b', 'other.bias'])
    expect(initializers.get('other.bias')).toEqual(initializers.get('b'))
    expect(initializers.get('other.bias')?.data.buffer).not.toBe(initializers.get('b')?.data.buffer)
    expect(nodes.some(({ outputs }) => outputs.includes('other.bias'))).toBe(false)
  })

  test('copies of copies too', () => {
    const twice = changed((graph) => {
      graph.node.unshift(
        create(NodeProtoSchema, { opType: 'Identity', input: ['b'], output: ['c'] }),
        create(NodeProtoSchema, { opType: 'Identity', input: ['c'], output: ['d'] }),
      )
    })
    expect(readModel(twice).initializers.get('d')?.data).toEqual(Float32Array.of(7, 8))
  })

  test('a result of the graph stays an Identity', () => {
    expect(readModel(bytes).nodes.at(-1)).toMatchObject({ operator: 'Identity', outputs: ['y'] })
  })
})

test('initializers that are listed as inputs too, as files of old have it, are parameters', () => {
  const old = changed((graph) => {
    const [x] = graph.input
    if (x) graph.input.push({ ...x, name: 'w' })
  })
  const { inputs, initializers } = readModel(old)
  expect(inputs.map(({ name }) => name)).toEqual(['x'])
  expect(initializers.has('w')).toBe(true)
})

test('the standard domain has two names', () => {
  const named = changed((graph, proto) => {
    for (const node of graph.node) node.domain = 'ai.onnx'
    for (const opset of proto.opsetImport) opset.domain = 'ai.onnx'
  })
  expect(readModel(named)).toEqual(readModel(bytes))
})

test('dimensions without a size or a name get one', () => {
  const open = changed((graph) => {
    const kind = graph.input[0]?.type?.value
    const dim = kind?.case === 'tensorType' ? kind.value.shape?.dim[0] : undefined
    if (dim) dim.value = { case: undefined }
  })
  expect(readModel(open).inputs[0]?.dims).toEqual(['x_0', 3])
})
