import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { folderOf } from '../../testing/test-folder.ts'
import { createRandom } from '../random.ts'
import { indicesByClass, keepLabels, limitLabels } from './labels.ts'
import { scan } from './scan.ts'

const labellings = fc.array(fc.nat(4), { minLength: 1, maxLength: 60 })

describe('keepLabels', () => {
  test('keeps the asked number of each class, or all of a smaller class, which it reports', () => {
    fc.assert(
      fc.property(
        labellings,
        fc.integer({ min: 1, max: 12 }),
        fc.nat(),
        (labels, perClass, seed) => {
          const { kept, rest, short } = keepLabels(labels, perClass, createRandom(seed))
          const before = indicesByClass(labels)
          const after = indicesByClass(kept.map((i) => labels[i] as number))
          for (const [label, indices] of before) {
            expect(after.get(label)?.length).toBe(Math.min(perClass, indices.length))
          }
          expect([...kept, ...rest].sort((a, b) => a - b)).toEqual([...labels.keys()])
          expect(kept).toEqual(kept.toSorted((a, b) => a - b))
          expect(short).toEqual(
            [...before]
              .filter(([, indices]) => indices.length < perClass)
              .map(([label, indices]) => ({ label, count: indices.length })),
          )
        },
      ),
    )
  })

  test('keeps with a larger number all that a smaller one keeps', () => {
    fc.assert(
      fc.property(
        labellings,
        fc.integer({ min: 1, max: 12 }),
        fc.nat(),
        (labels, perClass, seed) => {
          const few = keepLabels(labels, perClass, createRandom(seed)).kept
          const more = keepLabels(labels, perClass + 1, createRandom(seed)).kept
          expect(more).toEqual(expect.arrayContaining(few))
        },
      ),
    )
  })

  test('depends on the seed', () => {
    const labels = new Array(100).fill(0)
    const chosen = [1, 1, 2].map((seed) => keepLabels(labels, 10, createRandom(seed)).kept)
    expect(chosen[0]).toEqual(chosen[1])
    expect(chosen[0]).not.toEqual(chosen[2])
  })

  test.each([0, -1, 1.5, Number.NaN])('refuses %s labels', (perClass) => {
    expect(() => keepLabels([0], perClass, createRandom(1))).toThrow('positive integer')
  })
})

test('limitLabels moves the other images to the unlabelled ones and hides their labels', async () => {
  const source = await scan(
    await folderOf({ 'a/1.png': '', 'a/2.png': '', 'a/3.png': '', 'b/1.png': '' }),
  )
  const limited = limitLabels(source, 2, createRandom(3))
  expect(limited.source.train.map(({ label }) => label)).toEqual([0, 0, 1])
  expect(limited.source.unlabelled.map(({ label }) => label)).toEqual([null])
  expect(limited.short).toEqual([{ label: 1, count: 1 }])
  expect(source.train).toHaveLength(4)
})
