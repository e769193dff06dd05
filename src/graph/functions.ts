import { GraftError } from '../errors.ts'
import { type Expander, expandNodes, instantiate } from './expand.ts'
import {
  type Attributes,
  describeNode,
  type Graph,
  type Node,
  operatorKey,
  subgraphsOf,
} from './graph.ts'
import { namesOf } from './subgraphs.ts'
import { targetOpset, upgradeNodes } from './upgrade.ts'

/** An operator that a model defines itself, by other operators. */
export type ModelFunction = {
  readonly domain: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** What its body is written for. */
  readonly opsets: Readonly<Record<string, number>>
  /** Its nodes, for the attributes of one call. */
  body(attributes: Attributes): readonly Node[]
}

/**
 * Replaces every node that calls a function of the model by the function's nodes. Names of values and nodes begin with the name of
 * the call. Standard operators of sets before 18 are upgraded, each body from its own set; the graph must be upgraded before.
 *
 * @throws GraftError `bad-model` for a call that does not fit its function, or for functions that call each other in a circle;
 * `unsupported` where the model and a function need different versions of the same operators
 */
export function inlineFunctions(graph: Graph, functions: readonly ModelFunction[]): Graph {
  if (functions.length === 0) return graph
  const opsets = commonOpsets(graph, functions)
  const known = new Map(
    functions.map((definition) => [
      operatorKey({ operator: definition.name, domain: definition.domain }),
      definition,
    ]),
  )
  const names = namesOf(graph)
  checkRaised(graph.nodes, graph.opsets, opsets)
  const expander: Expander = {
    expand(call) {
      const definition = known.get(operatorKey(call))
      if (!definition) return undefined
      const nodes = bodyOf(call, definition)
      checkCall(call, definition, nodes)
      checkRaised(nodes, definition.opsets, opsets)
      const given = new Map(
        definition.inputs.map((input, index) => [input, call.inputs[index] ?? '']),
      )
      const prefix = call.name || (call.outputs.find((output) => output !== '') as string)
      return instantiate(
        { nodes, initializers: new Map(), results: definition.outputs },
        given,
        call.outputs,
        names,
        (name) => `${prefix}/${name}`,
      )
    },
    inner: () => expander,
  }
  return { ...expandNodes(graph, expander), opsets }
}

function bodyOf(call: Node, { body, opsets }: ModelFunction): readonly Node[] {
  const opset = opsets[''] ?? targetOpset
  let count = 0
  return upgradeNodes(body(call.attributes), opset, () => `upgraded_${count++} in ${call.operator}`)
}

function checkCall(call: Node, { inputs, outputs }: ModelFunction, nodes: readonly Node[]): void {
  const wrong = (what: string) => new GraftError('bad-model', `${describeNode(call)} ${what}`)
  if (call.inputs.length > inputs.length) {
    throw wrong(`has ${call.inputs.length} inputs, but its function takes ${inputs.length}`)
  }
  if (call.outputs.length > outputs.length) {
    throw wrong(`has ${call.outputs.length} outputs, but its function gives ${outputs.length}`)
  }
  const computed = new Set([...inputs, ...nodes.flatMap((node) => node.outputs)])
  const missing = outputs.find((output) => !computed.has(output))
  if (missing !== undefined) throw wrong(`calls a function that does not compute its "${missing}"`)
}

/** The newest standard operator set in use; other domains must agree. */
function commonOpsets(graph: Graph, functions: readonly ModelFunction[]): Graph['opsets'] {
  const opsets: Record<string, number> = { ...graph.opsets }
  const defined = new Set(functions.map(({ domain }) => domain))
  for (const { name, opsets: own } of functions) {
    for (const [domain, version] of Object.entries(own)) {
      const other = opsets[domain]
      if (domain === '') opsets[''] = Math.max(other ?? targetOpset, version)
      else if (other === undefined || defined.has(domain)) opsets[domain] = version
      else if (other !== version) {
        throw new GraftError(
          'unsupported',
          `the function "${name}" needs version ${version} of the operators "${domain}", and the model version ${other}: export it with one of them`,
        )
      }
    }
  }
  return opsets
}

/** Standard operators that mean something else from an operator set after 18 on. */
const changedIn: Readonly<Record<string, number>> = {
  DFT: 20,
  GridSample: 20,
  GroupNormalization: 21,
}

function checkRaised(nodes: readonly Node[], from: Graph['opsets'], to: Graph['opsets']): void {
  const opset = Math.max(from[''] ?? targetOpset, targetOpset)
  for (const node of nodes) {
    const changed = changedIn[operatorKey(node)]
    if (changed !== undefined && opset < changed && changed <= (to[''] as number)) {
      throw new GraftError(
        'unsupported',
        `${describeNode(node)} is of operator set ${opset}, and other functions of the model need ${to['']}, where it means something else: export the model with one operator set`,
      )
    }
    for (const subgraph of subgraphsOf(node)) checkRaised(subgraph.nodes, from, to)
  }
}
