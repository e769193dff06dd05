import { bodyOf, type Expansion, instantiate } from './expand.ts'
import { createConstants, flagOf, type Known } from './fold.ts'
import type { Node, Subgraph } from './graph.ts'
import { type GraphNames, type Names, namesIn, nodeNamesIn, subgraphOf } from './subgraphs.ts'
import { int64, type Tensor } from './tensor.ts'

/** The most nodes that the loops of a graph are unrolled to. */
const mostUnrolled = 10_000

/** What the loops of a graph share. */
export type LoopBudget = { readonly names: GraphNames; unrolled: number }

/** A loop as so many copies of its body; undefined where the number of turns depends on data, or is too large. */
export function unroll(node: Node, known: Known, budget: LoopBudget): Expansion | undefined {
  const loop = loopOf(node, known)
  if (!loop) return undefined
  const { values, nodes } = budget.names
  values.release(namesIn(loop.body))
  nodes.release(nodeNamesIn(loop.body))
  const copies = copyBody(node, loop, known, budget)
  if (copies) return copies
  values.claim(namesIn(loop.body))
  nodes.claim(nodeNamesIn(loop.body))
  return undefined
}

type CountedLoop = {
  readonly body: Subgraph
  /** The most turns; infinite where only the body says when to end. */
  readonly turns: number
  /** Whether there is a first turn. */
  readonly going: boolean
  readonly states: readonly string[]
  /** The outputs that collect a value of each turn. */
  readonly results: readonly string[]
}

function copyBody(
  node: Node,
  loop: CountedLoop,
  known: Known,
  budget: LoopBudget,
): Expansion | undefined {
  const { body, turns, states, results } = loop
  const { names } = budget
  const count = namesIn(body).length
  const shared = new Map(
    [...body.initializers.keys()].map((name) => [name, names.values.fresh(name)]),
  )
  const initializers = new Map(
    [...body.initializers].map(([name, value]) => [shared.get(name) as string, value]),
  )
  const constants = createConstants(known, initializers)
  const nodes: Node[] = []
  let going = loop.going
  let current = states
  const collected: string[][] = results.map(() => [])
  const [counter = '', condition = '', ...inputs] = body.inputs.map(({ name }) => name)

  for (let turn = 0; going && turn < turns; turn++) {
    const given = new Map(shared)
    const set = (name: string, value: Tensor) => {
      const made = names.values.fresh(`${name}/${turn}`)
      given.set(name, made)
      return constantNode(made, value)
    }
    const fed = [
      set(counter, int64([], [turn])),
      set(condition, { type: 'bool', dims: [], data: Uint8Array.of(1) }),
    ]
    inputs.forEach((input, index) => {
      given.set(input, current[index] as string)
    })
    const copy = instantiate(
      { ...bodyOf(body), initializers: new Map() },
      given,
      [],
      names,
      (name) => `${name}/${turn}`,
    )
    const added = [...fed, ...copy.nodes]
    nodes.push(...added)
    if (budget.unrolled + nodes.length + count > mostUnrolled) return undefined
    added.forEach(constants.addNode)
    const goesOn = flagOf(constants.known(copy.results[0] as string))
    if (goesOn === undefined) return undefined
    going = goesOn
    current = copy.results.slice(1, 1 + states.length)
    collected.forEach((values, index) => {
      values.push(copy.results[1 + states.length + index] as string)
    })
  }

  const missing = results.some((result, index) => result !== '' && collected[index]?.length === 0)
  if (missing) return undefined
  budget.unrolled += nodes.length
  results.forEach((result, index) => {
    if (result !== '') nodes.push(...stacked(collected[index] as string[], result, names.values))
  })
  const aliases = states.flatMap((_, index) => {
    const output = node.outputs[index] ?? ''
    return output === '' ? [] : [[output, current[index] as string] as const]
  })
  return { nodes, initializers, aliases: new Map(aliases) }
}

/** Undefined where the number of turns depends on data from the first. */
function loopOf(node: Node, known: Known): CountedLoop | undefined {
  const [limit = '', condition = '', ...states] = node.inputs
  const body = subgraphOf(node, 'body')
  const given = known(limit)
  const turns = limit === '' ? Number.POSITIVE_INFINITY : given && Number(given.data[0])
  const going = condition === '' ? true : flagOf(known(condition))
  if (!body || turns === undefined || going === undefined) return undefined
  const results = node.outputs.slice(states.length)
  const fits =
    body.inputs.length === states.length + 2 &&
    body.outputs.length === 1 + states.length + results.length
  return fits ? { body, turns, going, states, results } : undefined
}

/** The values of all turns along a new first axis. */
function stacked(values: readonly string[], result: string, names: Names): Node[] {
  const axes = names.fresh(`${result}/axes`)
  const rows = values.map((value) => {
    const row = names.fresh(`${value}/row`)
    return standardNode('Unsqueeze', [value, axes], row)
  })
  const concat = standardNode(
    'Concat',
    rows.map(({ outputs }) => outputs[0] as string),
    result,
  )
  const axis = { axis: { type: 'int', value: 0 } } as const
  return [constantNode(axes, int64([1], [0])), ...rows, { ...concat, attributes: axis }]
}

function standardNode(operator: string, inputs: readonly string[], output: string): Node {
  return { name: output, operator, domain: '', inputs, outputs: [output], attributes: {} }
}

function constantNode(name: string, value: Tensor): Node {
  return {
    ...standardNode('Constant', [], name),
    attributes: { value: { type: 'tensor', value } },
  }
}
