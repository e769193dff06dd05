import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as AttributeKind,
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  FunctionProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { run } from '../../testing/runtime.ts'
import { createBuilder } from './builder.ts'
import { readModel } from './read.ts'
import { float32 } from './tensor.ts'
import { writeModel } from './write.ts'

type Attributes = Record<string, Partial<AttributeProto> | number>

const node = (
  opType: string,
  input: string[],
  output: string[],
  attributes: Attributes = {},
  domain = '',
): NodeProto =>
  create(NodeProtoSchema, {
    opType,
    input,
    output,
    domain,
    attribute: Object.entries(attributes).map(([name, value]) =>
      create(
        AttributeProtoSchema,
        (typeof value === 'number'
          ? { name, type: AttributeKind.FLOAT, f: value }
          : { name, ...value }) as { name: string },
      ),
    ),
  })

const call = (
  opType: string,
  input: string[],
  output: string[],
  attributes: Attributes = {},
): NodeProto => ({ ...node(opType, input, output, attributes, 'own'), name: `call ${output[0]}` })

const imports = (versions: Record<string, number>) =>
  Object.entries(versions).map(([domain, version]) =>
    create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
  )

const define = (
  name: string,
  input: string[],
  output: string[],
  nodes: NodeProto[],
  more: Partial<FunctionProto> = {},
): FunctionProto =>
  create(FunctionProtoSchema, {
    domain: 'own',
    name,
    input,
    output,
    node: nodes,
    opsetImport: imports({ '': 17, own: 1 }),
    ...(more as object),
  })

/** A model of one input and two parameters, with the given nodes and functions. */
function model(nodes: NodeProto[], functions: FunctionProto[], opset = 17, output = 'y') {
  const builder = createBuilder()
  builder.input('x', 'float32', ['N', 3])
  builder.parameter('p', float32([3], [0.5, -1, 2]))
  builder.parameter('q', float32([3], [1, 2, 3]))
  const proto: ModelProto = fromBinary(ModelProtoSchema, writeModel(builder.build()))
  proto.opsetImport = imports({ '': opset, own: 1 })
  proto.functions = functions
  if (proto.graph) {
    proto.graph.node = nodes
    proto.graph.output = [create(ValueInfoProtoSchema, { name: output })]
  }
  return toBinary(ModelProtoSchema, proto)
}

const x = float32([2, 3], [1, -2, 3, 0.5, 0.25, -1])

/** Expects the model to compute what ONNX Runtime, which inlines functions itself, makes of the file. */
async function expectSame(bytes: Uint8Array) {
  const graph = readModel(bytes)
  expect(graph.nodes.filter(({ domain }) => domain === 'own')).toEqual([])
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 4 })
  const expected = await session.run({
    x: new OrtTensor('float32', x.data as Float32Array, [2, 3]),
  })
  await session.release()
  const found = await run(graph, { x })
  for (const [name, { data, dims }] of Object.entries(expected)) {
    expect(found[name]?.dims).toEqual(dims)
    expect(found[name]?.data).toEqual(data)
  }
  return graph
}

const alpha = { type: AttributeKind.FLOAT, refAttrName: 'slope' }
const scaled = define(
  'Scaled',
  ['v', 'w', 'b'],
  ['r', 's'],
  [
    node('Mul', ['v', 'w'], ['m']),
    node('LeakyRelu', ['m'], ['r'], { alpha }),
    node('Sub', ['m', 'b'], ['s']),
  ],
  { attribute: ['slope'] },
)

describe('a function of the model computes as ONNX Runtime inlines it', () => {
  test('twice, with the attributes of each call', async () => {
    const graph = await expectSame(
      model(
        [
          call('Scaled', ['x', 'p', 'q'], ['a', 'b'], { slope: 0.5 }),
          call('Scaled', ['a', 'q', 'p'], ['c', 'd'], { slope: 0.25 }),
          node('Sum', ['b', 'c', 'd'], ['y']),
        ],
        [scaled],
      ),
    )
    expect(graph.nodes.map(({ name, outputs }) => [name, ...outputs])).toEqual([
      ['', 'call a/m'],
      ['', 'a'],
      ['', 'b'],
      ['', 'call c/m'],
      ['', 'c'],
      ['', 'd'],
      ['', 'y'],
    ])
    expect(graph.nodes[1]?.attributes.alpha).toEqual({ type: 'float', value: 0.5 })
  })

  test('without an attribute, and with a default for one', async () => {
    const withDefault = define('Other', ['v'], ['r'], [node('Elu', ['v'], ['r'], { alpha })], {
      attributeProto: [
        create(AttributeProtoSchema, { name: 'slope', type: AttributeKind.FLOAT, f: 3 }),
      ],
    })
    const graph = await expectSame(
      model(
        [
          call('Scaled', ['x', 'p', 'q'], ['a', 'unused']),
          call('Other', ['a'], ['b']),
          call('Other', ['b'], ['y'], { slope: 2 }),
        ],
        [scaled, withDefault],
      ),
    )
    expect(graph.nodes.map(({ attributes }) => attributes.alpha?.value)).toEqual([
      undefined, // Mul
      undefined, // LeakyRelu, by its own default
      undefined, // Sub, whose result is not asked for
      3,
      2,
    ])
  })

  test('with inputs left out', async () => {
    const clip = define(
      'Bounded',
      ['v', 'low', 'high'],
      ['r'],
      [
        node('ReduceMin', ['low'], ['l'], { keepdims: { type: AttributeKind.INT, i: 0n } }),
        node('Clip', ['v', 'l', 'high'], ['r']),
      ],
    )
    await expectSame(model([call('Bounded', ['x', 'p'], ['y'])], [clip]))
  })

  test('that calls another, inside a branch too', async () => {
    const branch = (operator: string, result: string) => ({
      type: AttributeKind.GRAPH,
      g: create(GraphProtoSchema, {
        name: operator,
        node: [
          node('Scaled', ['v', 'v', 'v'], [`${result}1`, `${result}2`], {}, 'own'),
          node(operator, [`${result}1`, `${result}2`], [result]),
        ],
        output: [create(ValueInfoProtoSchema, { name: result })],
      }),
    })
    const chosen = define(
      'Chosen',
      ['v'],
      ['r'],
      [
        node('ReduceMax', ['v'], ['most'], { keepdims: { type: AttributeKind.INT, i: 0n } }),
        node('Cast', ['most'], ['flag'], { to: { type: AttributeKind.INT, i: 9n } }),
        node('If', ['flag'], ['r'], {
          then_branch: branch('Add', 't'),
          else_branch: branch('Mul', 'e'),
        }),
      ],
    )
    const graph = await expectSame(
      model([call('Chosen', ['x'], ['z']), call('Chosen', ['z'], ['y'])], [chosen, scaled]),
    )
    expect(graph.nodes.filter(({ operator }) => operator === 'If')).toHaveLength(2)
  })

  test('that is written for an older operator set than the model', async () => {
    const old = define(
      'Old',
      ['v'],
      ['r'],
      [
        node('ReduceSum', ['v'], ['sum'], { axes: { type: AttributeKind.INTS, ints: [1n] } }),
        node('Sub', ['v', 'sum'], ['r']),
      ],
      { opsetImport: imports({ '': 11 }) },
    )
    const bytes = model([call('Old', ['x'], ['y'])], [old], 20)
    const graph = readModel(bytes)
    expect(graph.opsets['']).toBe(20)
    expect([...((await run(graph, { x })).y?.data ?? [])]).toEqual([-1, -4, 1, 0.75, 0.5, -0.75])
  })
})

test('a function may hand an input on, and leave outputs unused', async () => {
  const through = define(
    'Through',
    ['v'],
    ['v', 'r', 'r2'],
    [node('Neg', ['v'], ['r']), node('Abs', ['v'], ['r2'])],
  )
  const bytes = model(
    [
      call('Through', ['x'], ['a', 'b', 'c']),
      node('Sum', ['a', 'b', 'c'], ['s']),
      call('Through', ['s'], ['y', 'unused']),
    ],
    [through],
  )
  const { y } = await run(readModel(bytes), { x })
  expect([...(y?.data ?? [])]).toEqual([1, 2, 3, 0.5, 0.25, 1])
})

test('parameters that a function copies are apart', () => {
  const copy = define(
    'Copy',
    ['v', 'w'],
    ['r'],
    [node('Identity', ['w'], ['own']), node('Mul', ['v', 'own'], ['r'])],
  )
  const nodes = [call('Copy', ['x', 'p'], ['a']), call('Copy', ['a', 'p'], ['y'])]
  const { initializers } = readModel(model(nodes, [copy]))
  expect([...initializers.keys()]).toEqual(['p', 'q', 'call a/own', 'call y/own'])
})

test('functions of one name are told apart by their overload', () => {
  const nodes = ['a', 'b'].map((overload, i) => {
    const made = call('F', [['x', 'a'][i] as string], [['a', 'y'][i] as string])
    made.overload = overload
    return made
  })
  const bodies = [
    define('F', ['v'], ['r'], [node('Neg', ['v'], ['r'])], { overload: 'a' }),
    define('F', ['v'], ['r'], [node('Abs', ['v'], ['r'])], { overload: 'b' }),
  ]
  const operators = readModel(model(nodes, bodies)).nodes.map(({ operator }) => operator)
  expect(operators).toEqual(['Neg', 'Abs'])
})

const loops = define('Loops', ['v'], ['r'], [call('Back', ['v'], ['r'])])
const back = define('Back', ['v'], ['r'], [call('Loops', ['v'], ['r'])])
/** So many nodes in a row. */
const chain = (count: number, make: (from: string, to: string) => NodeProto) =>
  Array.from({ length: count }, (_, i) =>
    make(i ? `v${i}` : 'v', i < count - 1 ? `v${i + 1}` : 'r'),
  )
const long = define(
  'Long',
  ['v'],
  ['r'],
  chain(4000, (from, to) => node('Abs', [from], [to])),
)
const many = define(
  'Many',
  ['v'],
  ['r'],
  chain(30, (from, to) => call('Long', [from], [to])),
)
const grouped = define('G', ['v'], ['r'], [node('GroupNormalization', ['v', 'v', 'v'], ['r'])], {
  opsetImport: imports({ '': 18 }),
})
const newer = define('N', ['v'], ['r'], [node('Abs', ['v'], ['r'])], {
  opsetImport: imports({ '': 21 }),
})

test.each<[string, NodeProto[], FunctionProto[], string]>([
  [
    'functions that call each other',
    [call('Loops', ['x'], ['y'])],
    [loops, back],
    'contains itself without end',
  ],
  [
    'functions that grow without measure',
    [call('Many', ['x'], ['y'])],
    [long, many],
    'grows beyond 100,000 nodes',
  ],
  [
    'too many inputs',
    [call('Scaled', ['x', 'x', 'x', 'x'], ['y'])],
    [scaled],
    'own.Scaled node "call y" has 4 inputs, but its function takes 3',
  ],
  [
    'too many outputs',
    [call('Scaled', ['x', 'x', 'x'], ['y', 'z', 'w'])],
    [scaled],
    'own.Scaled node "call y" has 3 outputs, but its function gives 2',
  ],
  [
    'an output that nothing computes',
    [call('F', ['x'], ['y'])],
    [define('F', ['v'], ['r'], [])],
    'own.F node "call y" calls a function that does not compute its "r"',
  ],
  [
    'operators that mean something else in the operator set of another function',
    [call('G', ['x'], ['z']), call('N', ['z'], ['y'])],
    [grouped, newer],
    'GroupNormalization node "r" is of operator set 18, and other functions of the model need 21',
  ],
  [
    'an operator set that is too new',
    [call('F', ['x'], ['y'])],
    [define('F', ['v'], ['r'], [], { opsetImport: imports({ '': 99 }) })],
    'the function "F" uses operator set 99; Graft reads',
  ],
  [
    'two versions of other operators',
    [call('A', ['x'], ['z']), call('B', ['z'], ['y'])],
    [1, 2].map((version) =>
      define('AB'[version - 1] as string, ['v'], ['r'], [node('Abs', ['v'], ['r'])], {
        opsetImport: imports({ '': 17, 'org.example': version }),
      }),
    ),
    'the function "B" needs version 2 of the operators "org.example", and the model version 1',
  ],
])('refused: %s', (_, nodes, functions, message) => {
  expect(() => readModel(model(nodes, functions))).toThrow(message)
})
