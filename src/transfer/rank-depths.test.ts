import { expect, test } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { runtime } from '../../testing/runtime.ts'
import type { Images } from '../data/pixels.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32 } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'
import { type Normalization, takePixels, usualNormalizations } from '../training/normalization.ts'
import type { Task } from '../training/task.ts'
import { cutBackbone } from './backbone.ts'
import type { Depth } from './depths.ts'
import { lowerDepth, rankDepths, rivalsOf } from './rank-depths.ts'

const size = { height: 4, width: 4, channels: 1 }
const image = { input: 'x', layout: 'NCHW', ...size } as const

/** The first block keeps both features of an image, the second only keeps a share of that which tells the classes. */
function network(share: number) {
  const b = createBuilder()
  const x = b.input('x', 'float32', ['N', 1, 4, 4])
  const kernel = b.parameter('first', float32([2, 1, 2, 2], [1, 1, 1, 1, 1, -1, 1, -1]))
  const first = b.op('Conv', [x, kernel], { kernel_shape: [2, 2], strides: [2, 2] })
  const flat = b.op('Flatten', [b.op('GlobalAveragePool', [first])])
  const mixed = b.op(
    'Gemm',
    [flat, b.parameter('second', float32([2, 2], [1, 0, 1 - share, share]))],
    {
      transB: 1,
    },
  )
  b.output(
    b.op(
      'Gemm',
      [b.op('Identity', [mixed]), b.parameter('classifier', float32([3, 2], [1, 0, 0, 1, 1, 1]))],
      { transB: 1 },
    ),
  )
  return b.build()
}

/** Stripes of one of two phases, in any brightness. */
const labels = Int32Array.from({ length: 40 }, (_, index) => index % 2)
const source = createRandom(1)
const images: Images = {
  ...size,
  count: 40,
  names: Array.from(labels, String),
  data: new Uint8Array(640),
}
for (const [index, label] of labels.entries()) {
  const bright = 60 + source.integer(120)
  for (let pixel = 0; pixel < 16; pixel++) {
    images.data[16 * index + pixel] = bright + (pixel % 2 === label ? 12 : -12) + source.integer(8)
  }
}

async function ranked(share: number) {
  const random = createRandom(2)
  const task = { classes: ['a', 'b'], labels, random, runtime } as unknown as Task
  const backbone = await cutBackbone(network(share), runtime)
  const [normalization] = usualNormalizations(1) as [Normalization]
  const pixels = takePixels(backbone.open, image, normalization)
  const { events, result } = await collect(rankDepths(task, backbone.depths, pixels, images))
  return { events, result, top: backbone.depths.at(-1) as Depth }
}

test('a depth below the top is a rival where the layers above have lost what counts', async () => {
  const { events, result, top } = await ranked(0)
  expect(result[0]?.explained).toBeGreaterThan(0.5)
  const rivals = rivalsOf(result, top)
  expect(rivals[0]).toBe(result[0]?.depth)
  expect(rivals).not.toContain(top)
  expect(lowerDepth(result, top)).toBe(rivals[0])
  expect(events.at(-1)).toEqual({
    type: 'decision',
    sentence: expect.stringMatching(
      /^depths by leave-one-out score \(and LogME\): block 1 0\.\d{3} \(-?\d\.\d{3}\), block 2 -?0\.\d{3} \(-?\d\.\d{3}\)$/,
    ),
    kept: true,
  })
})

test('below the lowest depth there is none', async () => {
  const { result } = await ranked(1)
  const lowest = result.toSorted((a, b) => a.depth.blocks.length - b.depth.blocks.length)[0]
  expect(lowerDepth(result, lowest?.depth as Depth)).toBeNull()
})
