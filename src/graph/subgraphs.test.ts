import { describe, expect, test } from 'vitest'
import { createBuilder } from './builder.ts'
import { prepend } from './compose.ts'
import {
  consumersOf,
  dependentsOf,
  type Graph,
  inputsOf,
  type Node,
  pruneTo,
  type Subgraph,
} from './graph.ts'
import { readModel } from './read.ts'
import { createNames, namesIn, nodeNamesIn, renameValues } from './subgraphs.ts'
import { float32 } from './tensor.ts'
import { verify } from './verify.ts'
import { writeModel } from './write.ts'

const node = (
  operator: string,
  inputs: string[],
  outputs: string[],
  subgraphs: Readonly<Record<string, Subgraph>> = {},
): Node => ({
  name: `make ${outputs[0]}`,
  operator,
  domain: '',
  inputs,
  outputs,
  attributes: Object.fromEntries(
    Object.entries(subgraphs).map(([name, value]) => [name, { type: 'graph', value }]),
  ),
})

const subgraph = (nodes: Node[], output: string, more: Partial<Subgraph> = {}): Subgraph => ({
  name: 'branch',
  inputs: [],
  outputs: [{ name: output }],
  nodes,
  initializers: new Map(),
  ...more,
})

/** y = flag ? x + deep (within another If) : x * own; `deep` and `flag` come from nodes that nothing else reads. */
const innermost = subgraph([node('Add', ['x', 'deep'], ['s'])], 's')
const then = subgraph(
  [node('If', ['flag'], ['t'], { then_branch: innermost, else_branch: innermost })],
  't',
)
const otherwise = subgraph([node('Mul', ['x', 'own'], ['e'])], 'e', {
  initializers: new Map([['own', float32([], [2])]]),
})
const choice = node('If', ['flag'], ['y'], { then_branch: then, else_branch: otherwise })

function network(): Graph {
  const builder = createBuilder()
  builder.input('x', 'float32', ['N', 3])
  builder.input('flag', 'bool', [])
  builder.parameter('w', float32([], [3]))
  builder.parameter('unused', float32([], [4]))
  for (const made of [node('Neg', ['w'], ['deep']), node('Abs', ['x'], ['aside']), choice]) {
    builder.append(made)
  }
  builder.output('y')
  return builder.build()
}

const graph = network()

describe('what a branch takes from around it counts as an input of its node', () => {
  test('at any depth, and without what it defines itself', () => {
    expect(new Set(inputsOf(choice))).toEqual(new Set(['flag', 'x', 'deep']))
    expect(inputsOf(graph.nodes[0] as Node)).toEqual(['w'])
  })

  test('for consumers, dependents and pruning', () => {
    expect(consumersOf(graph).get('deep')).toEqual([choice])
    expect(consumersOf(graph).get('flag')).toEqual([choice])
    expect(dependentsOf(graph, ['w'])).toEqual(new Set(['w', 'deep', 'y']))
    const pruned = pruneTo(graph, graph.outputs)
    expect(pruned.nodes.map(({ outputs }) => outputs[0])).toEqual(['deep', 'y'])
    expect([...pruned.initializers.keys()]).toEqual(['w'])
    expect(pruned.inputs.map(({ name }) => name)).toEqual(['x', 'flag'])
  })

  test('for the nodes that are put before an input', () => {
    const grown = prepend(graph, 'x', (b) => b.op('Relu', [b.input('pixels', 'float32', [3])]))
    expect(new Set(inputsOf(grown.nodes.at(-1) as Node))).toEqual(new Set(['flag', 'Relu', 'deep']))
    expect(() => verify(grown)).not.toThrow()
  })

  test('for the verifier, which also looks inside', () => {
    expect(() => verify(graph)).not.toThrow()
    expect(() => verify({ ...graph, nodes: graph.nodes.slice(1) })).toThrow(
      'Add node "make s" reads "deep", which nothing defines before it',
    )
    const wrong = node('If', ['flag'], ['y'], {
      then_branch: subgraph([node('Relu', ['x', 'x'], ['r'])], 'r'),
    })
    expect(() => verify({ ...graph, nodes: [wrong] })).toThrow(
      'Relu node "make r" takes 1 inputs, not 2',
    )
    const empty = node('If', ['flag'], ['y'], { then_branch: subgraph([], 'nothing') })
    expect(() => verify({ ...graph, nodes: [empty] })).toThrow(
      'nothing computes the output "nothing"',
    )
  })
})

test('subgraphs are read as they were written', () => {
  expect(readModel(writeModel(graph))).toEqual(graph)
})

test('inputs of a subgraph may leave their type or rank open', () => {
  const body = subgraph([node('Identity', ['going'], ['on']), node('Neg', ['s'], ['n'])], 'on', {
    inputs: [
      { name: 'i' },
      { name: 'going', type: 'bool', dims: [] },
      { name: 's', type: 'float32' },
    ],
    outputs: [{ name: 'on' }, { name: 'n' }],
  })
  const builder = createBuilder()
  builder.input('x', 'float32', ['N'])
  builder.input('M', 'int64', [])
  builder.append(node('Loop', ['M', '', 'x'], ['y'], { body }))
  builder.output('y')
  const loop = builder.build()
  expect(readModel(writeModel(loop))).toEqual(loop)
})

test('values are renamed at any depth', () => {
  const renamed = renameValues(choice, (name) => `${name}'`)
  expect(new Set(inputsOf(renamed))).toEqual(new Set(["flag'", "x'", "deep'"]))
  expect(namesIn(subgraph([renamed], "y'"))).toEqual(["y'", "t'", "s'", "s'", "own'", "e'"])
  expect(nodeNamesIn({ nodes: [renamed] })).toHaveLength(5)
})

test('new values of a builder avoid the names inside branches', () => {
  const builder = createBuilder('more', graph)
  expect(['s', 't', 'own', 'new'].map((name) => builder.fresh(name))).toEqual([
    's_1',
    't_1',
    'own_1',
    'new',
  ])
})

test('a name is free again when its last use is given up', () => {
  const names = createNames(['a', 'b', 'b'])
  names.release(['a', 'b'])
  expect(['a', 'b', 'c', 'c'].map(names.fresh)).toEqual(['a', 'b_2', 'c', 'c_2'])
  names.claim(['d'])
  expect(names.fresh('d')).toBe('d_2')
})
