import { expect, test } from 'vitest'
import { float32, type Tensor } from '../src/graph/tensor.ts'
import { createRandom } from '../src/random.ts'
import { checkGradient } from './check-gradient.ts'
import { operatorGraph } from './operator-graph.ts'
import { vjp } from './runtime.ts'

const random = createRandom('values')
const matrix = (rows: number, columns: number) =>
  float32(
    [rows, columns],
    Array.from({ length: rows * columns }, () => random.normal()),
  )

const { graph, inputs } = operatorGraph('MatMul', { inputs: [matrix(4, 5), matrix(5, 3)] })

/** The engine's gradient with one element of one input changed. */
const spoiled =
  (input: string, index: number, change: (value: number) => number): typeof vjp =>
  async (...given) => {
    const gradients = await vjp(...given)
    const { data, ...type } = gradients[input] as Tensor
    const values = Float32Array.from(data as Float32Array)
    values[index] = change(values[index] as number)
    return { ...gradients, [input]: { ...type, data: values } }
  }

const check = (gradient?: typeof vjp, seed = 1) =>
  checkGradient(graph, inputs, createRandom(seed), gradient && { gradient })

test('the true gradient passes along many directions', async () => {
  for (let seed = 0; seed < 10; seed++) await check(undefined, seed)
})

test.each([
  ['a wrong sign', (value: number) => -value],
  ['a factor of two', (value: number) => 2 * value],
  ['an error of a tenth', (value: number) => 1.1 * value],
  ['a zero', () => 0],
  ['something that is not a number', () => Number.NaN],
])('%s in a single element does not', async (_, change) => {
  for (const [input, index] of [
    ['x0', 0],
    ['x0', 19],
    ['x1', 7],
  ] as const) {
    await expect(check(spoiled(input, index, change))).rejects.toThrow(`${input} has the slope`)
  }
})

test('only the input with the wrong gradient is named', async () => {
  const error: Error = await check(spoiled('x1', 3, () => 9)).catch((thrown) => thrown)
  expect(error.message).toContain('x1')
  expect(error.message).not.toContain('x0')
})

test('a gradient of the wrong dimensions does not pass', async () => {
  const turned: typeof vjp = async (...given) => {
    const gradients = await vjp(...given)
    return { ...gradients, x0: { ...(gradients.x0 as Tensor), dims: [5, 4] } }
  }
  await expect(check(turned)).rejects.toThrow('x0 has a gradient of [5,4], not [4,5]')
})

test('parameters are checked as inputs are', async () => {
  const [first, ...others] = graph.inputs
  const trained = {
    ...graph,
    inputs: first ? [first] : [],
    initializers: new Map(others.map(({ name }) => [name, inputs[name] as Tensor])),
  }
  const fed = { x0: inputs.x0 as Tensor }
  await checkGradient(trained, fed, createRandom(2))
  const wrong = { gradient: spoiled('x1', 0, (value) => value + 1) }
  await expect(checkGradient(trained, fed, createRandom(2), wrong)).rejects.toThrow('x1')
})

test('in double precision an error of a millionth does not pass', async () => {
  const double = ({ dims, data }: Tensor): Tensor => ({
    type: 'float64',
    dims,
    data: Float64Array.from(data as Float32Array),
  })
  const precise = operatorGraph('Tanh', { inputs: [double(matrix(2, 3))] })
  await checkGradient(precise.graph, precise.inputs, createRandom(3))
  const off: typeof vjp = async (...given) => {
    const gradients = await vjp(...given)
    const { data, ...type } = gradients.x0 as Tensor
    return { x0: { ...type, data: (data as Float64Array).map((value) => value * 1.00001) } }
  }
  await expect(
    checkGradient(precise.graph, precise.inputs, createRandom(3), { gradient: off }),
  ).rejects.toThrow('x0')
})
