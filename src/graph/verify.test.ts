import { expect, test } from 'vitest'
import { createBuilder } from './builder.ts'
import type { Graph, Node } from './graph.ts'
import { float32 } from './tensor.ts'
import { verify } from './verify.ts'

function twoLayers(): Graph {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['batch', 3])
  const w = builder.parameter('w', float32([3, 2], [1, 2, 3, 4, 5, 6]))
  builder.output(builder.op('Softmax', [builder.op('MatMul', [x, w])], { axis: -1 }))
  return builder.build()
}

const good = twoLayers()

/** The graph with its first node changed. */
const changed = (change: Partial<Node>): Graph => ({
  ...good,
  nodes: good.nodes.map((node, i) => (i === 0 ? { ...node, ...change } : node)),
})

test('a graph from the builder is valid', () => {
  expect(() => verify(good)).not.toThrow()
})

test('an operator that Graft does not know is carried along', () => {
  const foreign = changed({ operator: 'Quux', domain: 'org.example', inputs: ['x'] })
  expect(() => verify(foreign)).not.toThrow()
})

test.each([
  ['too few inputs', changed({ inputs: ['x'] }), 'takes 2 inputs, not 1'],
  ['too many inputs', changed({ inputs: ['x', 'w', 'w'] }), 'takes 2 inputs, not 3'],
  [
    'no inputs where some are needed',
    changed({ operator: 'Concat', inputs: [] }),
    'takes at least 1 inputs, not 0',
  ],
  [
    'a number of inputs out of a range',
    changed({ operator: 'Gemm', inputs: ['x'] }),
    'takes 2 to 3 inputs, not 1',
  ],
  ['too many outputs', changed({ outputs: ['MatMul', 'more'] }), 'has 1 outputs, not 2'],
  [
    'an unknown attribute',
    changed({ attributes: { speed: { type: 'int', value: 1 } } }),
    'has no attribute "speed"',
  ],
  [
    'an attribute of the wrong type',
    changed({ operator: 'Concat', attributes: { axis: { type: 'float', value: 1 } } }),
    'wants attribute "axis" as int, not float',
  ],
  [
    'a value that nothing defines',
    changed({ inputs: ['x', 'nowhere'] }),
    'reads "nowhere", which nothing defines before it',
  ],
  [
    'a value of a later node',
    changed({ inputs: ['Softmax', 'w'] }),
    'reads "Softmax", which nothing defines before it',
  ],
  ['a value defined twice', changed({ outputs: ['w'] }), 'defines "w" a second time'],
] as const)('%s is an error that names the node', (_, graph, reason) => {
  expect(() => verify(graph)).toThrow(
    expect.objectContaining({
      code: 'bad-model',
      message: `${graph.nodes[0]?.operator} node "MatMul" ${reason}`,
    }),
  )
})

test('a node without a name is named by what it computes', () => {
  expect(() => verify(changed({ name: '', inputs: ['x'] }))).toThrow('MatMul node "MatMul" takes')
})

test('an output that nothing computes is an error', () => {
  expect(() => verify({ ...good, outputs: [{ name: 'nothing' }] })).toThrow(
    'nothing computes the output "nothing"',
  )
})

test('an input named as a parameter is an error', () => {
  const inputs = [...good.inputs, { name: 'w', type: 'float32', dims: [1] } as const]
  expect(() => verify({ ...good, inputs })).toThrow('two values are named "w"')
})
