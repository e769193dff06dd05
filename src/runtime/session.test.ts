import { expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32, int64, zeros } from '../graph/tensor.ts'

function doubling() {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['n'])
  builder.output(builder.alias('twice', builder.op('Add', [x, x])))
  builder.output(builder.alias('size', builder.op('Size', [x])))
  return builder.build()
}

test('a session tells its inputs and outputs, and runs', async () => {
  const session = await runtime.createSession(doubling(), { threads: 1 })
  expect(session.inputs).toEqual([{ name: 'x', type: 'float32', dims: ['n'] }])
  expect(session.outputs.map(({ name, type }) => [name, type])).toEqual([
    ['twice', 'float32'],
    ['size', 'int64'],
  ])
  const { twice, size } = await session.run({ x: float32([2], [1, 2]) })
  expect(twice).toEqual(float32([2], [2, 4]))
  expect(size).toEqual(int64([], [2]))
  await session.release()
})

test('only the outputs asked for are computed', async () => {
  const session = await runtime.createSession(doubling())
  expect(Object.keys(await session.run({ x: float32([1], [1]) }, ['size']))).toEqual(['size'])
  await session.release()
})

test('a fed tensor whose values were changed in place is fed with the new ones', async () => {
  const session = await runtime.createSession(doubling())
  const x = zeros('float32', [1])
  for (const value of [3, 4]) {
    x.data[0] = value
    expect((await session.run({ x })).twice?.data[0]).toBe(2 * value)
  }
  await session.release()
})

test.skipIf(!runtime.writesInto)('an output is written to the tensor that is given', async () => {
  const session = await runtime.createSession(doubling())
  const values = 2 ** 19
  const x = float32([values], new Float32Array(values).fill(3))
  const twice = zeros('float32', [values])
  const results = await session.run({ x }, undefined, { twice })
  expect(results.twice).toBe(twice)
  expect(twice).toEqual(float32([values], new Float32Array(values).fill(6)))
  expect(results.size).toEqual(int64([], [values]))
  await session.release()
})

test('a graph that cannot be compiled is a bad model, in one line', async () => {
  const builder = createBuilder()
  builder.output(builder.op('Reshape', [builder.scalar(1), builder.scalar(1)]))
  await expect(runtime.createSession(builder.build())).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringMatching(/^this graph cannot be compiled: [^\n]+$/),
  })
})

test('a run that fails says why, in one line', async () => {
  const session = await runtime.createSession(doubling())
  await expect(session.run({ x: float32([1, 1], [1]) })).rejects.toMatchObject({
    code: 'bad-model',
    message: expect.stringMatching(/^ONNX Runtime stopped: [^\n]*rank[^\n]*$/i),
  })
  await session.release()
})
