import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { folderOf } from '../../testing/test-folder.ts'
import { createRandom } from '../random.ts'
import { indicesByClass, keepLabels, limitLabels } from './labels.ts'
import { scan } from './scan.ts'

const labellings = fc.array(fc.nat(4), { minLength: 1, maxLength: 60 })

describe('keepLabels', () => {
  test('keeps the asked number of each class, or all of a smaller class, which it reports', async () => {
    await fc.assert(
      fc.asyncProperty(
        labellings,
        fc.integer({ min: 1, max: 12 }),
        fc.nat(),
        async (labels, perClass, seed) => {
          const { kept, rest, short } = await keepLabels(labels, perClass, createRandom(seed))
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

  test('keeps with a larger number all that a smaller one keeps', async () => {
    await fc.assert(
      fc.asyncProperty(
        labellings,
        fc.integer({ min: 1, max: 12 }),
        fc.nat(),
        async (labels, perClass, seed) => {
          const { kept: few } = await keepLabels(labels, perClass, createRandom(seed))
          const { kept: more } = await keepLabels(labels, perClass + 1, createRandom(seed))
          expect(more).toEqual(expect.arrayContaining(few))
        },
      ),
    )
  })

  test('depends on the seed', async () => {
    const labels = new Array(100).fill(0)
    const chosen = await Promise.all(
      [1, 1, 2].map(async (seed) => (await keepLabels(labels, 10, createRandom(seed))).kept),
    )
    expect(chosen[0]).toEqual(chosen[1])
    expect(chosen[0]).not.toEqual(chosen[2])
  })

  test.each([0, -1, 1.5, Number.NaN])('refuses %s labels', async (perClass) => {
    await expect(keepLabels([0], perClass, createRandom(1))).rejects.toThrow('positive integer')
  })
})

describe('limitLabels', () => {
  const grey = 'P5 1 1 255\n '

  test('moves the other images to the unlabelled ones and hides their labels', async () => {
    const source = await scan(
      await folderOf({ 'a/1.pgm': grey, 'a/2.pgm': grey, 'a/3.pgm': grey, 'b/1.pgm': grey }),
    )
    const limited = await limitLabels(source, 2, createRandom(3))
    expect(limited.source.train.map(({ label }) => label)).toEqual([0, 0, 1])
    expect(limited.source.unlabelled.map(({ label }) => label)).toEqual([null])
    expect(limited.short).toEqual([{ label: 1, count: 1 }])
    expect(source.train).toHaveLength(4)
  })

  test('a file that is no image takes the place of none that is', async () => {
    const broken = { 'a/2.pgm': 'x', 'a/4.pgm': '', 'b/2.pgm': 'x' }
    const source = await scan(
      await folderOf({ 'a/1.pgm': grey, 'a/3.pgm': grey, 'b/1.pgm': grey, ...broken }),
    )
    for (const seed of [1, 2, 3]) {
      const limited = await limitLabels(source, 2, createRandom(seed))
      const names = limited.source.train.map(({ name }) => name)
      expect(names).toEqual(['a/1.pgm', 'a/3.pgm', 'b/1.pgm'])
      expect(limited.short).toEqual([{ label: 1, count: 1 }])
    }
  })
})
