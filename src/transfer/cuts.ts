import { countMultiplyAdds, countParameters } from '../graph/cost.ts'
import { dependentsOf, type Graph, inputsOf, pruneTo } from '../graph/graph.ts'
import type { TensorType } from '../graph/tensor.ts'

/** A value that every path from the input to the output passes: a place where a network can be cut. */
export type Cut = {
  readonly name: string
  /** Dimensions without the batch. */
  readonly shape: readonly number[]
  /** Values in the parameters up to here. */
  readonly parameters: number
  /** Multiply-adds of one example up to here. */
  readonly macs: number
}

/** What lies between two cuts and has parameters of its own. */
export type Block = {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly parameters: number
  readonly macs: number
}

/**
 * All cuts of a graph, from the input to its first output.
 *
 * @param types the type of every value, for any number of examples
 */
export function findCuts(graph: Graph, types: ReadonlyMap<string, TensorType>): Cut[] {
  const output = graph.outputs[0]?.name as string
  const path = pruneTo(graph, [{ name: output }])
  const uses = new Map<string, number>()
  for (const node of path.nodes) {
    for (const input of new Set(inputsOf(node))) uses.set(input, (uses.get(input) ?? 0) + 1)
  }
  const inputs = path.inputs.map(({ name }) => name)
  const data = dependentsOf(path, inputs)
  const examples = types.get(inputs[0] ?? '')?.dims[0] ?? 1
  // A value is live from its computation to its last use: where only one is, all paths meet.
  const live = new Set(inputs)
  const names: string[] = []
  for (const node of path.nodes) {
    for (const input of new Set(inputsOf(node))) {
      const left = (uses.get(input) as number) - 1
      uses.set(input, left)
      if (left === 0) live.delete(input)
    }
    for (const name of node.outputs) {
      if (data.has(name) && ((uses.get(name) ?? 0) > 0 || name === output)) live.add(name)
    }
    const [only] = live
    if (live.size === 1 && node.outputs.includes(only as string)) names.push(only as string)
  }
  return names.map((name) => {
    const part = pruneTo(graph, [{ name }])
    return {
      name,
      shape: types.get(name)?.dims.slice(1) ?? [],
      parameters: countParameters(part),
      macs: countMultiplyAdds(part, types) / examples,
    }
  })
}

/** Groups cuts into blocks: each begins where the one before ends, and ends before the next parameters. */
export function groupBlocks(input: string, cuts: readonly Cut[]): Block[] {
  const blocks: Block[] = []
  let from = { name: input, parameters: 0, macs: 0 }
  cuts.forEach((cut, index) => {
    const next = cuts[index + 1]
    const complete = cut.parameters > from.parameters && (!next || next.parameters > cut.parameters)
    if (!complete) return
    blocks.push({
      name: `block ${blocks.length + 1}`,
      from: from.name,
      to: cut.name,
      parameters: cut.parameters - from.parameters,
      macs: cut.macs - from.macs,
    })
    from = cut
  })
  return blocks
}
