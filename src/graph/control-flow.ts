import { bodyOf, type Expander, type Expansion, expandNodes, instantiate } from './expand.ts'
import { createConstants, flagOf, type Known } from './fold.ts'
import { type Graph, type Node, operatorKey, type Subgraph } from './graph.ts'
import { type LoopBudget, unroll } from './loops.ts'
import { namesIn, namesOf, nodeNamesIn, subgraphOf } from './subgraphs.ts'

/** What all the control flow of a graph shares. */
type Budget = LoopBudget & { resolved: number }

/**
 * Replaces every `If` whose condition is constant by the branch that is taken, and every `Loop` whose number of turns is by that many
 * copies of its body, up to 10,000 nodes in all. What depends on data stays as it is. Values keep their names where these are free; results
 * of a loop are renamed.
 *
 * @returns the graph itself where there is nothing to resolve
 */
export function resolveControlFlow(graph: Graph): Graph {
  const budget: Budget = { names: namesOf(graph), unrolled: 0, resolved: 0 }
  const resolved = expandNodes(
    graph,
    scope(graph, () => undefined, budget),
  )
  return budget.resolved === 0 ? graph : resolved
}

/** Resolves the nodes of one graph, with the constants that are known in it. */
function scope(graph: Pick<Subgraph, 'initializers'>, outer: Known, budget: Budget): Expander {
  const constants = createConstants(outer, graph.initializers)
  return {
    expand(node) {
      const expansion = expanders[operatorKey(node)]?.(node, constants.known, budget)
      if (!expansion) {
        constants.addNode(node)
        return undefined
      }
      budget.resolved++
      constants.addInitializers(expansion.initializers ?? new Map())
      return expansion
    },
    inner: (subgraph) => scope(subgraph, constants.known, budget),
  }
}

const expanders: Readonly<
  Record<string, (node: Node, known: Known, budget: Budget) => Expansion | undefined>
> = { If: takeBranch, Loop: unroll }

function takeBranch(node: Node, known: Known, { names }: Budget): Expansion | undefined {
  const condition = flagOf(known(node.inputs[0] ?? ''))
  if (condition === undefined) return undefined
  const branch = subgraphOf(node, condition ? 'then_branch' : 'else_branch')
  if (!branch || branch.outputs.length !== node.outputs.length) return undefined
  for (const name of ['then_branch', 'else_branch']) {
    const inside = subgraphOf(node, name)
    if (!inside) continue
    names.values.release(namesIn(inside))
    names.nodes.release(nodeNamesIn(inside))
  }
  return instantiate(bodyOf(branch), new Map(), node.outputs, names, (name) => name)
}
