import { expect, test } from 'vitest'
import { createBuilder, type GraphBuilder } from '../graph/builder.ts'
import { dependentsOf, type Graph } from '../graph/graph.ts'
import { float32, type TensorType } from '../graph/tensor.ts'
import { differentiate } from './differentiate.ts'
import { lowestCut } from './lowest-cut.ts'

/** A builder that can also add an operator without a gradient rule. */
type Writer = GraphBuilder & { hard(input: string): string; layer(input: string): string }

function graphOf(write: (builder: Writer) => string): Graph {
  const builder = createBuilder()
  let count = 0
  const hard = (input: string) => {
    const name = builder.fresh('Hardmax')
    builder.append({
      name,
      operator: 'Hardmax',
      domain: '',
      inputs: [input],
      outputs: [name],
      attributes: {},
    })
    return name
  }
  const layer = (input: string) => {
    const weight = builder.parameter(`w${++count}`, float32([3, 3], new Float32Array(9)))
    return builder.op('MatMul', [input, weight])
  }
  builder.output(write({ ...builder, hard, layer }))
  return builder.build()
}

/** Every value of these graphs is of one type. */
const typesOf = (graph: Graph) =>
  new Map<string, TensorType>(
    [
      ...graph.inputs.map(({ name }) => name),
      ...graph.initializers.keys(),
      ...graph.nodes.flatMap(({ outputs }) => outputs),
    ].map((name) => [name, { type: 'float32', dims: [3, 3] }]),
  )

function cutOf(graph: Graph): string | undefined {
  const output = graph.outputs[0]?.name as string
  const needed = dependentsOf(graph, graph.initializers.keys())
  return lowestCut(graph, typesOf(graph), [output], needed)
}

/** Whether all parameters have a gradient, but for those up to the cut. */
function trainsAbove(graph: Graph, cut: string): boolean {
  const at = graph.nodes.findIndex(({ outputs }) => outputs.includes(cut))
  const below = new Set(graph.nodes.slice(0, at + 1).flatMap(({ inputs }) => inputs))
  const trained = [...graph.initializers.keys()].filter((name) => !below.has(name))
  const output = graph.outputs[0]?.name as string
  const seeded = createBuilder('seeded', graph)
  const seed = seeded.input('seed', 'float32', [3, 3])
  const { gradients } = differentiate(
    seeded.build(),
    typesOf(graph),
    new Map([[output, seed]]),
    trained,
  )
  return trained.length > 0 && trained.every((name) => gradients.get(name) !== undefined)
}

const input = (b: Writer) => b.input('x', 'float32', [3, 3])

test.each<[string, (b: Writer) => string, string]>([
  ['the operator itself, in a chain', (b) => b.layer(b.hard(b.layer(input(b)))), 'Hardmax'],
  ['the last of two', (b) => b.layer(b.hard(b.layer(b.hard(b.layer(input(b)))))), 'Hardmax_1'],
  [
    'where a branch without it joins again',
    (b) => {
      const first = b.layer(input(b))
      return b.layer(b.op('Add', [b.hard(b.layer(first)), b.layer(first)]))
    },
    'Add',
  ],
  [
    'where two branches with one each join',
    (b) => {
      const x = input(b)
      return b.op('Relu', [b.layer(b.op('Mul', [b.hard(b.layer(x)), b.hard(b.layer(x))]))])
    },
    'Mul',
  ],
  [
    'below other inputs, such as targets, that come in later',
    (b) => {
      const made = b.layer(b.hard(b.layer(input(b))))
      return b.op('Sub', [made, b.input('targets', 'float32', [3, 3])])
    },
    'Hardmax',
  ],
  [
    'not above an operator that gradients never reach',
    (b) => {
      const scores = b.layer(b.hard(b.layer(input(b))))
      return b.op('Gather', [scores, b.op('ArgMax', [b.hard(scores)], { axis: -1, keepdims: 0 })])
    },
    'Hardmax',
  ],
])('the lowest cut is %s', (_, write, expected) => {
  const graph = graphOf(write)
  const found = cutOf(graph)
  expect(found).toBe(expected)
  expect(trainsAbove(graph, found as string)).toBe(true)
})

test('there is none where the operator is the last, or joins only at the output', () => {
  expect(cutOf(graphOf((b) => b.hard(b.layer(input(b)))))).toBeUndefined()
  const residual = graphOf((b) => {
    const x = b.layer(input(b))
    return b.op('Add', [b.hard(x), b.layer(x)])
  })
  expect(cutOf(residual)).toBeUndefined()
})

test('the error names the operator, and what to freeze', () => {
  const message = (graph: Graph) => {
    const output = graph.outputs[0]?.name as string
    const seeded = createBuilder('seeded', graph)
    const seed = seeded.input('seed', 'float32', [3, 3])
    return () => differentiate(seeded.build(), typesOf(graph), new Map([[output, seed]]), ['w1'])
  }
  const chain = graphOf((b) => b.layer(b.op('Relu', [b.hard(b.layer(input(b)))])))
  expect(message(chain)).toThrow(
    'Hardmax node "Hardmax" has no gradient rule, and a trained layer lies below it: freeze everything up to "Hardmax", the lowest cut above all such operators',
  )
  expect(message(graphOf((b) => b.hard(b.layer(input(b)))))).toThrow(
    'a trained layer lies below it: nothing above it can be trained',
  )
})
