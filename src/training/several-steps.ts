import { createBuilder } from '../graph/builder.ts'
import type { Attributes, Graph, Node, ValueInfo } from '../graph/graph.ts'
import type { Carried } from './update.ts'

/** The input that says how many steps a run makes, int64. */
export const countInput = 'graft.steps'

/** What is fed to every step, or comes out of it, along a new first axis. */
export const ofEveryStep = (name: string) => `${name} of every step`
export const beforeSteps = (name: string) => `${name} before`
export const afterSteps = (name: string) => `${name} after`

/**
 * A graph that makes several training steps in one run: an ONNX Loop whose body is the step. ONNX Runtime hands every output over in new
 * memory; parameters and optimizer state, which are most of what comes out, then cross that border once in several steps.
 *
 * @param results scalars to return of every step
 * @param capacity the number of steps for which there is room in what is fed; a run may make fewer
 */
export function severalSteps(
  step: Graph,
  carried: readonly Carried[],
  results: readonly string[],
  capacity: number,
): Graph {
  const states = new Set(carried.map(({ input }) => input))
  const fed = step.inputs.filter(({ name }) => !states.has(name))
  const [iteration, condition, goOn] = ['graft.iteration', 'graft.condition', 'graft.go_on']
  const state = (name: string, size: number): ValueInfo => ({ name, type: 'float32', dims: [size] })
  const body: Graph = {
    ...step,
    inputs: [
      { name: iteration, type: 'int64', dims: [] },
      { name: condition, type: 'bool', dims: [] },
      ...carried.map(({ input, size }) => state(input, size)),
    ],
    nodes: [
      ...fed.map(({ name }) =>
        node('Gather', [ofEveryStep(name), iteration], [name], { axis: { type: 'int', value: 0 } }),
      ),
      ...step.nodes,
      node('Identity', [condition], [goOn]),
    ],
    outputs: [
      { name: goOn, type: 'bool', dims: [] },
      ...carried.map(({ output, size }) => state(output, size)),
      ...results.map((name) => ({ name, type: 'float32', dims: [] }) as const),
    ],
  }
  const outputs = [
    ...carried.map(({ output, size }) => state(afterSteps(output), size)),
    ...results.map(
      (name): ValueInfo => ({
        name: ofEveryStep(name),
        type: 'float32',
        dims: ['steps'],
      }),
    ),
  ]
  return {
    ...step,
    inputs: [
      { name: countInput, type: 'int64', dims: [] },
      ...carried.map(({ input, size }) => state(beforeSteps(input), size)),
      ...fed.map(({ name, type, dims }) => ({
        name: ofEveryStep(name),
        type,
        dims: [capacity, ...dims],
      })),
    ],
    nodes: [
      node(
        'Loop',
        [countInput, '', ...carried.map(({ input }) => beforeSteps(input))],
        outputs.map(({ name }) => name),
        { body: { type: 'graph', value: body } },
      ),
    ],
    outputs,
    initializers: new Map(),
  }
}

/**
 * The same for exactly one step and without a Loop, which ONNX Runtime runs on the CPU: for other devices. Inputs and outputs have a first
 * axis of length 1.
 */
export function singleStep(
  step: Graph,
  carried: readonly Carried[],
  results: readonly string[],
): Graph {
  const { inputs } = severalSteps(step, carried, results, 1)
  const states = new Set(carried.map(({ input }) => input))
  const builder = createBuilder(step.name, { ...step, inputs, nodes: [], outputs: [] }, [
    ...step.inputs.map(({ name }) => name),
    ...step.nodes.flatMap(({ outputs }) => outputs),
  ])
  for (const { name, dims } of step.inputs) {
    const from = states.has(name) ? beforeSteps(name) : ofEveryStep(name)
    builder.append(node('Reshape', [from, builder.int64s(dims as number[])], [name]))
  }
  for (const own of step.nodes) builder.append(own)
  for (const { output, size } of carried) {
    builder.output(builder.alias(afterSteps(output), output), 'float32', [size])
  }
  for (const name of results) {
    const row = builder.op('Reshape', [name, builder.int64s([1])])
    builder.output(builder.alias(ofEveryStep(name), row), 'float32', [1])
  }
  return builder.build()
}

function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
): Node {
  return { name: outputs[0] as string, operator, domain: '', inputs, outputs, attributes }
}
