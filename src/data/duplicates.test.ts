import { expect, test } from 'vitest'
import { findDuplicates } from './duplicates.ts'

const images = (rows: Record<string, number[]>) => ({
  count: Object.keys(rows).length,
  height: 1,
  width: 2,
  channels: 1,
  data: Uint8Array.from(Object.values(rows).flat()),
  names: Object.keys(rows),
})

test('findDuplicates pairs each test image with the first equal training image', () => {
  const train = images({ a: [1, 2], b: [3, 4], c: [3, 4] })
  const held = images({ x: [3, 4], y: [2, 1], z: [1, 2] })
  expect(findDuplicates(train, held)).toEqual([
    { train: 'b', test: 'x' },
    { train: 'a', test: 'z' },
  ])
  expect(findDuplicates(train, images({ y: [4, 3] }))).toEqual([])
})
