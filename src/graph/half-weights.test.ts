import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import { run } from '../../testing/runtime.ts'
import { createBuilder } from './builder.ts'
import type { Graph, Node } from './graph.ts'
import { isHalf, narrow, widen } from './half-precision.ts'
import { readModel } from './read.ts'
import { elementTypes, float32, type Tensor } from './tensor.ts'
import { writeModel } from './write.ts'

const halves = ['float16', 'bfloat16'] as const

/** y = relu(x w) + b, in float32. */
function network(weights: readonly number[] = [0.1, -2.3, 1e-6, 4, 1 / 3, 6]): Graph {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['N', 3])
  const product = builder.op('MatMul', [x, builder.parameter('w', float32([3, 2], weights))])
  const b = builder.parameter('b', float32([2], [0.7, -0.8]))
  builder.output(builder.alias('y', builder.op('Add', [builder.op('Relu', [product]), b])))
  return builder.build({ author: 'somebody' })
}

const rounded = (tensor: Tensor, type: 'float16' | 'bfloat16') =>
  widen({ ...narrow(tensor, type), type })

describe.each(halves)('weights written as %s', (type) => {
  const graph = network()
  const bytes = writeModel(graph, { weights: type })
  const read = readModel(bytes)

  test('are read as the same parameters, rounded', () => {
    const expected = [...graph.initializers].map(([name, value]) => [name, rounded(value, type)])
    expect(read.initializers).toEqual(new Map(expected as [string, Tensor][]))
    expect(read.nodes).toEqual(graph.nodes)
    expect(read.metadata).toEqual({ author: 'somebody', 'graft.weights': type })
  })

  test('take half the room', () => {
    const large = (weights: 'float32' | typeof type) => {
      const builder = createBuilder()
      const x = builder.input('x', 'float32', ['N', 100])
      const w = builder.parameter('w', float32([100, 100], new Float32Array(10_000)))
      builder.output(builder.op('MatMul', [x, w]))
      return writeModel(builder.build(), { weights }).length
    }
    expect(large(type)).toBeLessThan(large('float32') / 2 + 200)
  })

  test('run in ONNX Runtime as the file is, with the same result', async () => {
    const x = float32([2, 3], [1, -2, 3, 0.5, 0.25, -1])
    const session = await InferenceSession.create(bytes, { logSeverityLevel: 4 })
    const { y } = await session.run({ x: new OrtTensor('float32', x.data as Float32Array, [2, 3]) })
    await session.release()
    const { y: expected } = await run(read, { x })
    expect(y?.data).toEqual(expected?.data)
  })
})

test('a weight that is too large for float16 is refused by name, and infinity is not', () => {
  expect(() => writeModel(network([1, 2, 70000, 4, 5, 6]), { weights: 'float16' })).toThrow(
    'the parameter "w" has the value 70000, too large for float16: write float32 weights',
  )
  expect(() => writeModel(network([1, 2, Infinity, 4, 5, 6]), { weights: 'float16' })).not.toThrow()
})

test('a weight that is an output of the graph stays float32', () => {
  const graph = network()
  const both = { ...graph, outputs: [...graph.outputs, { name: 'w' }] }
  const read = readModel(writeModel(both, { weights: 'float16' }))
  expect(read.initializers.get('w')).toEqual(graph.initializers.get('w'))
})

/** The network as converters to half precision leave it: everything in 16 bits. */
function inHalf(graph: Graph, type: 'float16' | 'bfloat16'): Graph {
  const cast = (name: string, from: string): Node => ({
    name,
    operator: 'Cast',
    domain: '',
    inputs: [from],
    outputs: [name],
    attributes: { to: { type: 'int', value: elementTypes[type].code } },
  })
  return {
    ...graph,
    inputs: graph.inputs.map((input) => ({ ...input, type })),
    outputs: [{ name: 'z', type, dims: ['N', 2] }],
    nodes: [...graph.nodes, cast('z', 'y')],
    initializers: new Map(
      [...graph.initializers].map(([name, value]) => [name, narrow(value, type)]),
    ),
  }
}

describe.each(halves)('a network in %s', (type) => {
  const read = readModel(writeModel(inHalf(network(), type)))

  test('becomes one in float32 throughout', () => {
    expect(read.inputs[0]?.type).toBe('float32')
    expect(read.outputs[0]?.type).toBe('float32')
    expect(read.nodes.at(-1)?.attributes.to).toEqual({ type: 'int', value: 1 })
    expect([...read.initializers.values()].some((value) => isHalf(value.type))).toBe(false)
    expect(read.initializers.get('w')).toEqual(
      rounded(network().initializers.get('w') as Tensor, type),
    )
  })

  test('computes in float32', async () => {
    const x = float32([1, 3], [1, 2, 3])
    const { z } = await run(read, { x })
    const [w, b] = ['w', 'b'].map(
      (name) => [...(read.initializers.get(name)?.data ?? [])] as number[],
    )
    const expected = [0, 1].map((column) => {
      const sum = [0, 1, 2].reduce(
        (total, row) => total + (row + 1) * (w?.[2 * row + column] as number),
        0,
      )
      return Math.max(sum, 0) + (b?.[column] as number)
    })
    expect(z?.data[0]).toBeCloseTo(expected[0] as number, 5)
    expect(z?.data[1]).toBeCloseTo(expected[1] as number, 5)
  })
})

test('constants and subgraphs are widened too', () => {
  const half: Tensor = { type: 'float16', dims: [1], data: Uint16Array.of(0x3e00) }
  const constant = (name: string): Node => ({
    name,
    operator: 'Constant',
    domain: '',
    inputs: [],
    outputs: [name],
    attributes: { value: { type: 'tensor', value: half } },
  })
  const branch = (name: string) => ({
    type: 'graph' as const,
    value: {
      name,
      inputs: [],
      outputs: [{ name, type: 'float16', dims: [1] } as const],
      nodes: [constant(name)],
      initializers: new Map(),
    },
  })
  const graph: Graph = {
    name: 'g',
    opsets: { '': 18 },
    inputs: [{ name: 'c', type: 'bool', dims: [] }],
    outputs: [{ name: 'y', type: 'float16', dims: [1] }],
    nodes: [
      {
        name: 'if',
        operator: 'If',
        domain: '',
        inputs: ['c'],
        outputs: ['y'],
        attributes: { then_branch: branch('a'), else_branch: branch('b') },
      },
    ],
    initializers: new Map(),
    metadata: {},
  }
  const text = JSON.stringify(readModel(writeModel(graph)))
  expect(text).not.toContain('float16')
  expect(text.match(/"0":1\.5/g)).toHaveLength(2)
})
