import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { permutations, permute } from './jigsaw.ts'

test('orders are all different, and all there are where they are few', () => {
  const all = permutations(4, 100, createRandom(1))
  expect(all).toHaveLength(24)
  expect(new Set(all.map(String)).size).toBe(24)
  const some = permutations(9, 30, createRandom(1))
  expect(new Set(some.map(String)).size).toBe(30)
  for (const order of some) expect([...order].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
})

test('patches too small to be jittered come whole to their places', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 7 }),
      fc.constantFrom(1, 3),
      fc.nat(),
      (patch, channels, seed) => {
        const side = 2 * patch
        const size = { height: side, width: side, channels }
        const random = createRandom(seed)
        const order = random.shuffle([0, 1, 2, 3])
        // Each pixel says which patch it is of.
        const patchAt = (i: number) => {
          const [y, x] = [Math.floor(i / channels / side), Math.floor(i / channels) % side]
          return 2 * Number(y >= patch) + Number(x >= patch)
        }
        const from = Uint8Array.from({ length: side * side * channels }, (_, i) => 10 + patchAt(i))
        const to = new Uint8Array(from.length)
        permute(from, to, size, 2, order, random)
        const expected = from.map((_, i) => 10 + (order[patchAt(i)] as number))
        expect(to).toEqual(expected)
      },
    ),
  )
})

test('larger patches are cut out a little beside their places', () => {
  const size = { height: 32, width: 32, channels: 1 }
  const from = Uint8Array.from({ length: 1024 }, (_, i) => i % 251)
  const cut = (seed: number) => {
    const to = new Uint8Array(1024)
    permute(from, to, size, 2, [0, 1, 2, 3], createRandom(seed))
    return to
  }
  expect(cut(1)).not.toEqual(from)
  expect(cut(1)).not.toEqual(cut(2))
})
