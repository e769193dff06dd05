import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Draw, draws } from '../../testing/generate.ts'
import { run, vjp } from '../../testing/runtime.ts'
import { createBuilder, type GraphBuilder } from './builder.ts'
import { resolveControlFlow } from './control-flow.ts'
import type { Attributes, Graph, Node, Subgraph } from './graph.ts'
import { readModel } from './read.ts'
import { elementTypes, float32, int64, type Tensor } from './tensor.ts'
import { writeModel } from './write.ts'

const x = float32([2, 3], [1, -2, 3, 0.5, 0.25, -1])
const bool = (value: boolean): Tensor => ({
  type: 'bool',
  dims: [],
  data: Uint8Array.of(value ? 1 : 0),
})

const node = (
  operator: string,
  inputs: string[],
  outputs: string[],
  attributes: Attributes = {},
): Node => ({ name: outputs[0] ?? '', operator, domain: '', inputs, outputs, attributes })

const constant = (name: string, value: Tensor): Node =>
  node('Constant', [], [name], { value: { type: 'tensor', value } })

const subgraph = (
  nodes: Node[],
  outputs: string[],
  more: Partial<Subgraph> = {},
): { type: 'graph'; value: Subgraph } => ({
  type: 'graph',
  value: {
    name: 'body',
    inputs: [],
    outputs: outputs.map((name) => ({ name })),
    nodes,
    initializers: new Map(),
    ...more,
  },
})

/** A branch that makes t = x * factor, and t + 1. */
const branch = (factor: number) =>
  subgraph(
    [
      constant('c', float32([], [1])),
      node('Mul', ['x', 'factor'], ['t']),
      node('Add', ['t', 'c'], ['u']),
    ],
    ['t', 'u'],
    { initializers: new Map([['factor', float32([], [factor])]]) },
  )

/** A graph over x with these nodes, whose output is `y`. */
function graphOf(write: (builder: GraphBuilder) => void, nodes: Node[], outputs = ['y']): Graph {
  const builder = createBuilder()
  builder.input('x', 'float32', ['N', 3])
  write(builder)
  for (const made of nodes) builder.append(made)
  for (const output of outputs) builder.output(output)
  return builder.build()
}

const operatorsOf = (graph: Graph) => graph.nodes.map(({ operator }) => operator)

/** The graph as read, after holding it against what ONNX Runtime makes of the file with its control flow. */
async function readAlike(graph: Graph): Promise<Graph> {
  const read = readModel(writeModel(graph))
  const [expected, found] = [await run(graph, { x }), await run(read, { x })]
  for (const [name, value] of Object.entries(expected)) {
    expect(found[name]?.dims).toEqual(value.dims)
    expect(found[name]?.data).toEqual(value.data)
  }
  return read
}

describe('If', () => {
  const chosen = (condition: boolean) =>
    graphOf(
      (b) => b.parameter('flag', bool(condition)),
      [
        node('If', ['flag'], ['a', 'b'], { then_branch: branch(2), else_branch: branch(3) }),
        node('Sub', ['a', 'b'], ['y']),
      ],
      ['y', 'b'],
    )

  test.each([true, false])('whose condition is %s is the branch taken', async (condition) => {
    const read = await readAlike(chosen(condition))
    expect(operatorsOf(read)).toEqual(['Constant', 'Mul', 'Add', 'Sub'])
    expect(read.nodes.map(({ outputs }) => outputs[0])).toEqual(['c', 'a', 'b', 'y'])
    expect(read.initializers.get('factor')?.data[0]).toBe(condition ? 2 : 3)
  })

  test('has its parameters trained when it is resolved', async () => {
    const read = readModel(writeModel(chosen(true)))
    const ones = float32([2, 3], [1, 1, 1, 1, 1, 1])
    const { factor } = await vjp(read, { x }, { b: ones }, ['factor'])
    expect(factor?.data[0]).toBeCloseTo(1.75)
  })

  test('in an If, twice with values of the same names', async () => {
    const inner = (factor: number) =>
      subgraph(
        [
          constant('yes', bool(true)),
          node('If', ['yes'], ['p', 'q'], { then_branch: branch(factor), else_branch: branch(9) }),
          node('Add', ['p', 'q'], ['r']),
        ],
        ['r'],
      )
    const both = { then_branch: inner(4), else_branch: inner(5) }
    const graph = graphOf(
      (b) => b.parameter('flag', bool(false)),
      [
        node('If', ['flag'], ['a'], both),
        node('If', ['flag'], ['b'], both),
        node('Mul', ['a', 'b'], ['y']),
      ],
    )
    const read = await readAlike(graph)
    expect(operatorsOf(read)).not.toContain('If')
    expect(new Set(read.nodes.flatMap(({ outputs }) => outputs)).size).toBe(read.nodes.length)
  })

  test('that depends on data stays, and what it contains is resolved', async () => {
    const inside = subgraph(
      [
        constant('yes', bool(true)),
        node('If', ['yes'], ['p', 'q'], { then_branch: branch(4), else_branch: branch(9) }),
        node('Add', ['p', 'q'], ['r']),
      ],
      ['r'],
    )
    const other = subgraph([node('Neg', ['x'], ['n'])], ['n'])
    const graph = graphOf(() => {}, [
      node('ReduceMax', ['x'], ['most'], { keepdims: { type: 'int', value: 0 } }),
      node('Cast', ['most'], ['flag'], { to: { type: 'int', value: 9 } }),
      node('If', ['flag'], ['y'], { then_branch: inside, else_branch: other }),
    ])
    const read = await readAlike(graph)
    expect(operatorsOf(read)).toEqual(['ReduceMax', 'Cast', 'If'])
    const taken = read.nodes[2]?.attributes.then_branch?.value as Subgraph
    expect(taken.nodes.map(({ operator }) => operator)).toEqual([
      'Constant',
      'Constant',
      'Mul',
      'Add',
      'Add',
    ])
    const ones = float32([2, 3], [1, 1, 1, 1, 1, 1])
    await expect(vjp(read, { x }, { y: ones }, ['x'])).rejects.toThrow(
      'If node "y" has no gradient rule, and a trained layer lies below it',
    )
  })

  test('that a parameter decides stays: training changes it', () => {
    const graph = graphOf(
      (b) => b.parameter('p', float32([], [1])),
      [
        constant('zero', float32([], [0])),
        node('Greater', ['p', 'zero'], ['flag']),
        node('If', ['flag'], ['a', 'y'], { then_branch: branch(2), else_branch: branch(3) }),
      ],
    )
    expect(resolveControlFlow(graph)).toBe(graph)
  })
})

/** Random integers and flags computed from each other, as exporters compute conditions. */
function randomCondition(draw: Draw): Node[] {
  const nodes: Node[] = []
  const values = { int64: [] as string[], bool: [] as string[] }
  const add = (type: 'int64' | 'bool', operator: string, inputs: string[], attributes = {}) => {
    const name = `v${nodes.length}`
    nodes.push(node(operator, inputs, [name], attributes))
    values[type].push(name)
  }
  const start = (type: 'int64' | 'bool', value: Tensor) =>
    add(type, 'Constant', [], { value: { type: 'tensor', value } })
  for (let i = 0; i < 3; i++) start('int64', int64([], [draw.integer(-3, 3)]))
  start('bool', bool(draw.boolean()))
  const pair = (type: 'int64' | 'bool') => [draw.one(...values[type]), draw.one(...values[type])]
  const to = (type: 'int64' | 'bool') => ({ to: { type: 'int', value: elementTypes[type].code } })
  const steps = [
    () => add('int64', draw.one('Add', 'Sub', 'Mul'), pair('int64')),
    () =>
      add(
        'bool',
        draw.one('Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'),
        pair('int64'),
      ),
    () => add('bool', draw.one('And', 'Or', 'Xor', 'Equal'), pair('bool')),
    () => add('bool', 'Not', [draw.one(...values.bool)]),
    () => add('bool', 'Cast', [draw.one(...values.int64)], to('bool')),
    () => add('int64', 'Cast', [draw.one(...values.bool)], to('int64')),
  ]
  for (let i = 0; i < 8; i++) draw.one(...steps)()
  return [...nodes, node('Identity', [values.bool.at(-1) as string], ['flag'])]
}

test('any condition from constants is decided as ONNX Runtime decides it', async () => {
  await fc.assert(
    fc.asyncProperty(draws, async (draw) => {
      const graph = graphOf(() => {}, [
        ...randomCondition(draw),
        node('If', ['flag'], ['y', 'z'], { then_branch: branch(2), else_branch: branch(3) }),
      ])
      expect(operatorsOf(await readAlike(graph))).not.toContain('If')
    }),
    { numRuns: 30 },
  )
})

describe('Loop', () => {
  /** s = 0.5 s + x w in each turn, which is also collected, as is i. */
  const body = (...goOn: Node[]) =>
    subgraph(
      [
        node('Mul', ['s', 'half'], ['h']),
        node('Mul', ['x', 'w'], ['xw']),
        node('Add', ['h', 'xw'], ['next']),
        node('Cast', ['i'], ['turn'], { to: { type: 'int', value: 1 } }),
        ...goOn,
      ],
      ['on', 'next', 'next', 'turn'],
      {
        inputs: [
          { name: 'i', type: 'int64', dims: [] },
          { name: 'going', type: 'bool', dims: [] },
          { name: 's', type: 'float32' },
        ],
        initializers: new Map([
          ['half', float32([], [0.5])],
          ['w', float32([3], [1, 2, 3])],
        ]),
      },
    )
  const on = node('Identity', ['going'], ['on'])
  const loop = (
    turns: number | undefined,
    goOn: Node[],
    outputs = ['last', 'states', 'turns'],
  ): Graph =>
    graphOf(
      (b) => {
        if (turns !== undefined) b.parameter('M', int64([], [turns]))
      },
      [
        node('Loop', [turns === undefined ? '' : 'M', '', 'x'], ['last', 'states', 'turns'], {
          body: body(...goOn),
        }),
        node('Neg', ['last'], ['y']),
      ],
      ['y', ...outputs],
    )

  test.each([1, 4])('of %i turns is that many copies of its body', async (turns) => {
    const read = await readAlike(loop(turns, [on]))
    expect(operatorsOf(read)).not.toContain('Loop')
    expect(operatorsOf(read).filter((operator) => operator === 'Add')).toHaveLength(turns)
    expect([...read.initializers.keys()]).toEqual(['M', 'half', 'w'])
  })

  test('has gradients when it is unrolled', async () => {
    const read = readModel(writeModel(loop(2, [on])))
    const ones = float32([2, 3], [1, 1, 1, 1, 1, 1])
    const gradients = await vjp(read, { x }, { last: ones }, ['x', 'w'])
    // last = x / 4 + x w / 2 + x w
    expect([...(gradients.x?.data ?? [])]).toEqual([1.75, 3.25, 4.75, 1.75, 3.25, 4.75])
    expect([...(gradients.w?.data ?? [])]).toEqual([2.25, -2.625, 3])
  })

  test('that ends when its body says so', async () => {
    const until = [constant('two', int64([], [2])), node('Less', ['i', 'two'], ['on'])]
    for (const limit of [undefined, 2 ** 40]) {
      const read = await readAlike(loop(limit, until))
      expect(operatorsOf(read).filter((operator) => operator === 'Add')).toHaveLength(3)
    }
  })

  test('of no turns hands its state on; without a turn nothing can be stacked', async () => {
    const graph = loop(0, [on], [])
    const unused = {
      ...graph,
      nodes: graph.nodes.map((made) =>
        made.operator === 'Loop' ? { ...made, outputs: ['last', '', ''] } : made,
      ),
    }
    expect(resolveControlFlow(graph)).toBe(graph)
    const y = (await run(readModel(writeModel(unused)), { x })).y?.data
    expect([...(y ?? [])]).toEqual([-1, 2, -3, -0.5, -0.25, 1])
  })

  test.each([
    ['too many turns', loop(2 ** 40, [on])],
    [
      'a body that looks at its data',
      loop(3, [
        node('ReduceMax', ['next'], ['most'], { keepdims: { type: 'int', value: 0 } }),
        node('Cast', ['most'], ['on'], { to: { type: 'int', value: 9 } }),
      ]),
    ],
  ])('with %s stays', (_, graph) => {
    expect(resolveControlFlow(graph)).toBe(graph)
  })

  test('with branches that look at the turn', async () => {
    const turnwise = subgraph(
      [
        constant('one', int64([], [1])),
        node('Equal', ['i', 'one'], ['second']),
        node('If', ['second'], ['t', 'next'], {
          then_branch: branch(2),
          else_branch: branch(3),
        }),
        node('Add', ['s', 'next'], ['sum']),
        node('Identity', ['going'], ['on']),
      ],
      ['on', 'sum'],
      {
        inputs: [
          { name: 'i', type: 'int64', dims: [] },
          { name: 'going', type: 'bool', dims: [] },
          { name: 's', type: 'float32' },
        ],
      },
    )
    const graph = graphOf(
      (b) => b.parameter('M', int64([], [3])),
      [node('Loop', ['M', '', 'x'], ['y'], { body: turnwise })],
    )
    const read = await readAlike(graph)
    expect(operatorsOf(read)).not.toContain('Loop')
    expect(operatorsOf(read)).not.toContain('If')
  })
})
