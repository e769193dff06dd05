import { expect, test } from 'vitest'
import { createBuilder } from '../../src/graph/builder.ts'
import type { Tensor } from '../../src/graph/tensor.ts'
import {
  adagrad,
  adam,
  type Optimizer,
  sgd,
  writeTransformations,
} from '../../src/nn/optimizers.ts'
import { type DataSet, difference, readNodeTests } from '../../testing/onnx-data.ts'
import { run } from '../../testing/runtime.ts'

type Settings = {
  /** The attributes of the ONNX operator, with its defaults. */
  readonly number: (name: string, fallback: number) => number
  readonly text: (name: string) => string
  /** ONNX's T, the number of updates before this one. */
  readonly taken: number
}

type Ours = {
  readonly optimizer: Optimizer
  readonly step: number
  /** How many times ONNX's each of our states is; default once. */
  readonly scales?: readonly number[]
}

/**
 * Our optimizers with the settings under which they are those of `ai.onnx.preview.training`. Ours follow PyTorch, so that results
 * can be held against it; the operators of ONNX differ from it in these points:
 *
 * - T counts from 0, and our steps count from 1.
 * - Adam does not correct the means for their start at zero where T is 0. We do from the first step on, as the paper says; long after
 *   the start there is nothing to correct. Where T is above 0 it corrects with beta ^ T for the update after T others, and adds
 *   epsilon to a root that is not corrected yet, which is the paper's other form; ours is added to the corrected root.
 * - Momentum multiplies the gradient by beta where T is above 0. PyTorch has 1 - dampening there, with a default of 1.
 */
const ours: Record<string, (settings: Settings) => Ours> = {
  Adagrad: ({ number, taken }) => ({
    optimizer: adagrad({
      epsilon: number('epsilon', 1e-6),
      decay: number('decay_factor', 0),
      weightDecay: number('norm_coefficient', 0),
    }),
    step: taken + 1,
  }),
  Adam: ({ number, taken }) => {
    expect(taken).toBe(0)
    expect(number('norm_coefficient_post', 0)).toBe(0)
    return {
      optimizer: adam({
        beta1: number('alpha', 0.9),
        beta2: number('beta', 0.999),
        epsilon: number('epsilon', 1e-6),
        weightDecay: number('norm_coefficient', 0),
      }),
      step: Number.POSITIVE_INFINITY,
      // Ours keeps sums, of which ONNX's running means are a share.
      scales: [1 / (1 - number('alpha', 0.9)), 1 / (1 - number('beta', 0.999))],
    }
  },
  Momentum: ({ number, text, taken }) => {
    expect(taken === 0 || number('beta', 1) === 1).toBe(true)
    return {
      optimizer: sgd({
        momentum: number('alpha', 0),
        nesterov: text('mode') === 'nesterov',
        weightDecay: number('norm_coefficient', 0),
      }),
      step: taken + 1,
    }
  },
}

/** What the outputs were computed with although the model does not say so; later versions of ONNX put it into the model. */
const unsaid: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  test_adam_multiple: { epsilon: 1e-2 },
}

/** One update of one parameter: what comes of the parameter and of the states. */
async function update(
  { optimizer, step, scales = [] }: Ours,
  values: {
    readonly rate: Tensor
    readonly parameter: Tensor
    readonly gradient: Tensor
    readonly states: readonly Tensor[]
  },
): Promise<Tensor[]> {
  const builder = createBuilder()
  const feeds: Record<string, Tensor> = {}
  const input = (name: string, tensor: Tensor) => {
    feeds[name] = tensor
    return builder.input(name, tensor.type, tensor.dims)
  }
  const parameter = input('parameter', values.parameter)
  const context = {
    builder,
    parameter,
    decays: true,
    reused: true,
    learningRate: input('rate', values.rate),
    step: builder.scalar(step),
  }
  const scaled = (value: string, factor: number) =>
    factor === 1 ? value : builder.op('Mul', [value, builder.scalar(factor)])
  const inputs = values.states.map((state, index) =>
    scaled(input(`state${index}`, state), scales[index] ?? 1),
  )
  const written = writeTransformations(
    optimizer,
    context,
    input('gradient', values.gradient),
    optimizer.map(({ state }) => inputs.splice(0, state.length)),
  )
  const states = written.states
    .flat()
    .map((state, index) => scaled(state, 1 / (scales[index] ?? 1)))
  const names = [builder.op('Add', [parameter, written.update]), ...states]
  for (const name of names) builder.output(name)
  const all = await run(builder.build(), feeds)
  return names.map((name) => all[name] as Tensor)
}

test.each(
  readNodeTests('adam', 'adagrad', 'momentum', 'nesterov_momentum').map(
    (testCase) => [testCase.name, testCase] as const,
  ),
)('an update is that of ONNX: %s', async (name, { model, dataSets }) => {
  const node = model.graph?.node[0]
  const attribute = (key: string) => node?.attribute.find((given) => given.name === key)
  const [{ inputs, outputs }] = dataSets() as [DataSet]
  const [rate, count, ...rest] = inputs as Tensor[]
  const make = ours[node?.opType ?? ''] as (settings: Settings) => Ours
  const made = make({
    number: (key, fallback) => attribute(key)?.f ?? unsaid[name]?.[key] ?? fallback,
    text: (key) => new TextDecoder().decode(attribute(key)?.s),
    taken: Number(count?.data[0]),
  })
  const states = made.optimizer.flatMap(({ state }) => state).length
  // All parameters come first, then all gradients, then each state of all; the results likewise.
  const parameters = rest.length / (2 + states)
  const nth = <T>(values: readonly T[], index: number) =>
    values.filter((_, position) => position % parameters === index)
  for (let index = 0; index < parameters; index++) {
    const [parameter, gradient, ...own] = nth(rest, index) as [Tensor, Tensor, ...Tensor[]]
    const found = await update(made, { rate: rate as Tensor, parameter, gradient, states: own })
    const expected = nth(outputs, index)
    expect(found.length).toBe(expected.length)
    expected.forEach((value, i) => {
      expect(difference(found[i], value, { relative: 1e-6, absolute: 1e-7 })).toBeUndefined()
    })
  }
})
