import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { operatorGraph } from '../../../testing/operator-graph.ts'
import { vjp } from '../../../testing/runtime.ts'
import { operators } from '../../graph/operators.ts'
import { float32, int64 } from '../../graph/tensor.ts'
import { ruleOf, rules, stopsGradient } from './index.ts'

test('every operator of the table has a rule or stops gradients, never both', () => {
  for (const name of Object.keys(operators)) {
    expect(stopsGradient(name), name).toBe(ruleOf(name) === undefined)
  }
  expect(Object.keys(rules).length).toBeGreaterThan(100)
})

test('the documentation names every operator that has a gradient or stops it', () => {
  const text = readFileSync(new URL('../../../docs/models.md', import.meta.url), 'utf8')
  const shown = (key: string) => key.replace(/^com\.microsoft\./, '')
  const own = /^(graft|com\.microsoft\.nchwc)\./
  const names = Object.keys(operators).filter((key) => !own.test(key))
  expect(names.filter((key) => !text.includes(`\`${shown(key)}\``) && !text.includes(key))).toEqual(
    [],
  )
})

test('names that objects inherit are no operators', () => {
  expect(ruleOf('toString')).toBeUndefined()
  expect(stopsGradient('toString')).toBe(false)
})

const slope = async (...given: Parameters<typeof operatorGraph>) => {
  const { graph, inputs } = operatorGraph(...given)
  const [output] = graph.outputs
  const one = { [output?.name as string]: float32([], [1]) }
  return Array.from((await vjp(graph, inputs, one, ['x0'])).x0?.data as Float32Array)
}

test('a norm of zero has the slope zero', async () => {
  const zeros = { inputs: [float32([3], [0, 0, 0])], attributes: { keepdims: 0 } }
  expect(await slope('ReduceL2', zeros)).toEqual([0, 0, 0])
})

test('a product has the right slope at a single zero, and none at several', async () => {
  const values = (...x: number[]) => ({ inputs: [float32([3], x)], attributes: { keepdims: 0 } })
  expect(await slope('ReduceProd', values(2, 0, 4))).toEqual([0, 8, 0])
  expect(await slope('ReduceProd', values(0, 0, 4))).toEqual([0, 0, 0])
})

test('powers of zero have the slopes of the polynomials that they are', async () => {
  const power = (exponent: number) => ({
    inputs: [float32([], [0]), float32([], [exponent])],
    fixed: [1],
  })
  expect(await slope('Pow', power(0))).toEqual([0])
  expect(await slope('Pow', power(1))).toEqual([1])
  expect(await slope('Pow', power(2))).toEqual([0])
})

test('equal maxima share the cotangent', async () => {
  const ties = { inputs: [float32([4], [1, 3, 3, 0])], attributes: { keepdims: 0 } }
  expect(await slope('ReduceMax', ties)).toEqual([0, 0.5, 0.5, 0])
})

test.each([
  [
    'ScatterND',
    {
      inputs: [float32([2], [1, 2]), int64([1, 1], [0]), float32([1], [3])],
      attributes: { reduction: 'mul' },
    },
    'reduction "mul"',
  ],
  [
    'ScatterElements',
    {
      inputs: [float32([2], [1, 2]), int64([1], [0]), float32([1], [3])],
      attributes: { reduction: 'max' },
    },
    'reduction "max"',
  ],
  [
    'Dropout',
    {
      inputs: [
        float32([2], [1, 2]),
        float32([], [0.5]),
        { type: 'bool', dims: [], data: Uint8Array.of(1) },
      ],
      fixed: [1],
    },
    'training mode',
  ],
  [
    'Resize',
    {
      inputs: [float32([1, 1, 2, 3], [1, 2, 3, 4, 5, 6]), undefined, undefined, int64([2], [4, 6])],
      attributes: { axes: [2, 3], keep_aspect_ratio_policy: 'not_larger' },
    },
    'keep_aspect_ratio_policy "not_larger"',
  ],
] as const)(
  '%s refuses what it has no gradient for, and names the node',
  async (operator, given, reason) => {
    const { graph, inputs } = operatorGraph(operator, given)
    const [output] = graph.outputs
    const dims = operator === 'Resize' ? [1, 1, 4, 6] : [2]
    const cotangent = float32(dims, Array(dims.reduce((a, b) => a * b)).fill(1))
    const thrown = vjp(graph, inputs, { [output?.name as string]: cotangent }, ['x0'])
    await expect(thrown).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(new RegExp(`^${operator} node "${operator}".*${reason}`)),
    })
  },
)
