import { dependentsOf, type Graph, inputsOf, type Node, operatorKey } from '../graph/graph.ts'
import type { TensorType } from '../graph/tensor.ts'
import { ruleOf, stopsGradient } from './rules/index.ts'

/**
 * The first value of a graph above all operators without a gradient, that everything computed from the data below passes on its way to
 * the outputs: with all parameters up to it frozen, the others can be trained.
 *
 * @param outputs where gradients begin
 * @param needed the values that depend on something to be trained
 * @returns undefined where only an output itself is such a value
 */
export function lowestCut(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  outputs: readonly string[],
  needed: ReadonlySet<string>,
): string | undefined {
  const obstacles = new Set(obstaclesOf(graph, types, outputs, needed))
  const above = [...obstacles].flatMap((node) => node.outputs)
  const below = ancestorsOf(graph, above)
  const data = dependentsOf(graph, [
    ...graph.inputs.map(({ name }) => name).filter((name) => below.has(name)),
    ...above,
  ])
  const reaching = ancestorsOf(graph, outputs)
  const nodes = graph.nodes.filter((node) => node.outputs.some((output) => reaching.has(output)))
  const lastUse = new Map<string, number>()
  nodes.forEach((node, index) => {
    for (const input of inputsOf(node)) lastUse.set(input, index)
  })
  for (const output of outputs) lastUse.set(output, nodes.length)

  // A value is live from its computation to its last use: where only one is, all paths meet.
  const live = new Set(graph.inputs.map(({ name }) => name).filter((name) => below.has(name)))
  let left = obstacles.size
  for (const [index, node] of nodes.entries()) {
    if (obstacles.has(node)) left--
    for (const input of inputsOf(node)) if (lastUse.get(input) === index) live.delete(input)
    for (const output of node.outputs) {
      if (data.has(output) && (lastUse.get(output) ?? -1) > index) live.add(output)
    }
    const [only = ''] = live
    if (left === 0 && live.size === 1 && node.outputs.includes(only)) {
      return outputs.includes(only) ? undefined : only
    }
  }
  return undefined
}

/** The operators without a rule that a gradient would reach. */
function obstaclesOf(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  outputs: readonly string[],
  needed: ReadonlySet<string>,
): Node[] {
  const reached = new Set(outputs)
  const obstacles: Node[] = []
  for (const node of graph.nodes.toReversed()) {
    const key = operatorKey(node)
    const passes = node.outputs.some((output) => reached.has(output) && needed.has(output))
    if (!passes || stopsGradient(key)) continue
    if (!ruleOf(key)) obstacles.push(node)
    for (const input of inputsOf(node)) {
      if (types.get(input)?.type.startsWith('float') ?? true) reached.add(input)
    }
  }
  return obstacles
}

/** The values that any of the given ones depends on, themselves included. */
function ancestorsOf(graph: Graph, values: Iterable<string>): Set<string> {
  const ancestors = new Set(values)
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => ancestors.has(output))) continue
    for (const input of inputsOf(node)) ancestors.add(input)
  }
  return ancestors
}
