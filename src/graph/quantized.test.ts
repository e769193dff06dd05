import { expect, test } from 'vitest'
import type { Node } from './graph.ts'
import { refuseQuantized } from './quantized.ts'
import { float32 } from './tensor.ts'

const node = (operator: string, domain = '', attributes: Node['attributes'] = {}): Node => ({
  name: 'n',
  operator,
  domain,
  inputs: ['x', 'scale'],
  outputs: ['y'],
  attributes,
})

/** Nodes with a stored scale. */
const graph = (...nodes: Node[]) => ({
  name: 'graph',
  inputs: [],
  outputs: [],
  nodes,
  initializers: new Map([['scale', float32([], [1])]]),
})

test.each([
  'QuantizeLinear',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'QLinearConv',
  'QLinearMatMul',
  'ConvInteger',
  'MatMulInteger',
])('%s is refused, with what to do', (operator) => {
  expect(() => refuseQuantized(graph(node('Relu'), node(operator)))).toThrow(
    `${operator} node "n" works on quantized values, which cannot be trained: give the float model from before quantization`,
  )
})

test.each([
  'DequantizeBFP',
  'DynamicQuantizeLSTM',
  'DynamicQuantizeMatMul',
  'GatherBlockQuantized',
  'MatMulBnb4',
  'MatMulIntegerToFloat',
  'MatMulNBits',
  'QAttention',
  'QGemm',
  'QLinearAdd',
  'QMoE',
  'QOrderedMatMul',
])("ONNX Runtime's %s is refused", (operator) => {
  expect(() => refuseQuantized(graph(node(operator, 'com.microsoft')))).toThrow(
    `com.microsoft.${operator} node "n" works on quantized values`,
  )
})

test('a quantized operator in a branch is refused', () => {
  const value = {
    name: 'branch',
    inputs: [],
    outputs: [],
    nodes: [node('QLinearConv')],
    initializers: new Map(),
  }
  const branch = node('If', '', { then_branch: { type: 'graph', value } })
  expect(() => refuseQuantized(graph(branch))).toThrow('QLinearConv node "n"')
})

test.each([
  ['QuickGelu', 'com.microsoft'],
  ['FusedMatMul', 'com.microsoft'],
  ['QuantizeLinear', 'org.example'],
  ['Round', ''],
])('%s of the domain "%s" is not', (operator, domain) => {
  expect(() => refuseQuantized(graph(node(operator, domain)))).not.toThrow()
})

test('a weight in a Constant node is refused, and what is only fed or computed is not', () => {
  const bare = { ...graph(node('QLinearConv')), initializers: new Map() }
  expect(() => refuseQuantized(bare)).not.toThrow()
  const constant = { ...node('Constant'), inputs: [], outputs: ['scale'] }
  expect(() => refuseQuantized({ ...bare, nodes: [constant, ...bare.nodes] })).toThrow(
    'QLinearConv node "n"',
  )
})
