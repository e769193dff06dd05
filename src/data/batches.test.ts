import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { batches } from './batches.ts'

describe('batches', () => {
  test('show each image once at weight 1, in batches of one size', () => {
    const indices = fc.uniqueArray(fc.nat(1000), { maxLength: 50 })
    fc.assert(
      fc.property(indices, fc.integer({ min: 1, max: 20 }), fc.nat(), (listed, batchSize, seed) => {
        const epoch = [...batches(listed, batchSize, createRandom(seed))]
        expect(epoch).toHaveLength(Math.ceil(listed.length / batchSize))
        const shown: number[] = []
        for (const { indices, weights } of epoch) {
          expect([indices.length, weights.length]).toEqual([batchSize, batchSize])
          shown.push(...Array.from(indices).filter((_, i) => weights[i] === 1))
          for (const i of indices) expect(listed).toContain(i)
          expect([...weights]).toEqual([...weights].sort((a, b) => b - a))
        }
        expect(shown.sort((a, b) => a - b)).toEqual(listed.toSorted((a, b) => a - b))
      }),
    )
  })

  test('fill the last batch from the start of the same order', () => {
    const inOrder = [...batches([5, 6, 7], 2, null)]
    expect(inOrder.map(({ indices }) => [...indices])).toEqual([
      [5, 6],
      [7, 5],
    ])
    expect([...(inOrder[1]?.weights ?? [])]).toEqual([1, 0])
    const [only] = batches(2, 5, null)
    expect([...(only?.indices ?? [])]).toEqual([0, 1, 0, 1, 0])
    const [first, , third] = batches(8, 3, createRandom(4))
    expect(third?.indices[2]).toBe(first?.indices[0])
  })

  test('come in another order in each epoch of one generator', () => {
    const random = createRandom(1)
    const [one, two] = [1, 2].map(() => [...(batches(50, 50, random).next().value?.indices ?? [])])
    expect(one).not.toEqual(two)
  })

  test.each([0, -1, 2.5])('refuse the size %s', (batchSize) => {
    expect(() => batches(3, batchSize, null).next()).toThrow('positive integer')
  })
})
