import { expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { streamOf } from '../data/image-stream.ts'
import type { Images } from '../data/pixels.ts'
import { createBuilder } from '../graph/builder.ts'
import { createRandom } from '../random.ts'
import { pixelsInput } from '../training/normalization.ts'
import type { Task } from '../training/task.ts'
import { labelledRows, unlabelledOf } from './unlabelled.ts'

const size = { height: 2, width: 2, channels: 1 }
const imagesNamed = (names: readonly string[]): Images => ({
  ...size,
  count: names.length,
  names,
  data: Uint8Array.from({ length: 4 * names.length }, (_, i) => Math.floor(i / 4)),
})
const pool = imagesNamed(['a', 'b', 'c', 'd', 'e', 'f'])

/** One multiply-add for each pixel. */
function network() {
  const builder = createBuilder('network')
  const pixels = builder.input(pixelsInput, 'uint8', ['N', 2, 2, 1])
  const values = builder.op('Cast', [pixels], { to: 1 })
  const flat = builder.op('Flatten', [values])
  const weight = { type: 'float32', dims: [4, 1], data: Float32Array.of(1, 1, 1, 1) } as const
  builder.output(builder.op('MatMul', [flat, builder.constant(weight)]))
  return builder.build()
}

const taskOf = (multiplyAdds: number) =>
  ({ multiplyAdds, runtime, random: createRandom(1) }) as unknown as Task

test('labelled images of the pool are left out, the others come in their order', async () => {
  const labelled = imagesNamed(['b', 'e'])
  const found = await unlabelledOf(taskOf(1e6), network(), streamOf(pool), labelled)
  expect(found?.names).toEqual(['a', 'c', 'd', 'f'])
  expect(found?.count).toBe(4)
  expect([...(found?.data ?? [])]).toEqual([0, 2, 3, 5].flatMap((value) => Array(4).fill(value)))
})

test('no more than the budget pays for, drawn at random', async () => {
  const labelled = imagesNamed(['b'])
  // An eighth of the budget is 12 multiply-adds, of which an image takes 4.
  const found = await unlabelledOf(taskOf(96), network(), streamOf(pool), labelled)
  expect(found?.count).toBe(3)
  expect(found?.names).not.toContain('b')
  expect(new Set(found?.names).size).toBe(3)
})

test('there are none where they are fewer than the labelled ones', async () => {
  const labelled = imagesNamed(['a', 'b', 'c', 'd'])
  expect(await unlabelledOf(taskOf(1e6), network(), streamOf(pool), labelled)).toBeNull()
})

test('an image of another folder that has the name of a labelled one is none of these', () => {
  const twice = imagesNamed(['cats/1.png', 'cats/2.png', 'cats/1.png', 'dogs/1.png'])
  const labelled = imagesNamed(['cats/2.png', 'cats/1.png'])
  expect(labelledRows(twice, labelled)).toEqual([1, 0, -1, -1])
})
