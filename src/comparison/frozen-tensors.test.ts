import { expect, test } from 'vitest'
import { float32 } from '../graph/tensor.ts'
import { digestFrozen } from './frozen-tensors.ts'

const before = new Map([
  ['weight', float32([2, 2], [1, 2, 3, 4])],
  ['mean', float32([2], [0, 0.5])],
])

test('equal tensors have equal digests, each its own', () => {
  const after = new Map(
    [...before].map(([name, { dims, data }]) => [name, float32(dims, [...data] as number[])]),
  )
  const digests = digestFrozen(before, { initializers: after })
  expect(digests.map(({ name }) => name)).toEqual(['weight', 'mean'])
  for (const one of digests) {
    expect(one.before).toMatch(/^[0-9a-f]{64}$/)
    expect(one.after).toBe(one.before)
  }
  expect(digests[0]?.before).not.toBe(digests[1]?.before)
})

test.each([
  ['a bit', float32([2], [0, 0.50000006])],
  ['the sign of zero', float32([2], [-0, 0.5])],
  ['the dimensions', float32([1, 2], [0, 0.5])],
])('%s is a change', (_what, mean) => {
  const after = new Map(before).set('mean', mean)
  expect(() => digestFrozen(before, { initializers: after })).toThrow(
    expect.objectContaining({
      code: 'internal',
      message: expect.stringContaining('"mean" was to stay frozen'),
    }),
  )
})

test('so is a tensor that is gone', () => {
  expect(() => digestFrozen(before, { initializers: new Map() })).toThrow('"weight"')
})
