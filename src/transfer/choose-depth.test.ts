import { expect, test } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { runtime } from '../../testing/runtime.ts'
import { stratifiedFolds } from '../data/folds.ts'
import type { Images } from '../data/pixels.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32 } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'
import { takePixels, usualNormalizations } from '../training/normalization.ts'
import type { Task } from '../training/task.ts'
import { cutBackbone } from './backbone.ts'
import { chooseDepth } from './choose-depth.ts'

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

async function chosen(share: number) {
  const random = createRandom(2)
  const task = {
    classes: ['a', 'b'],
    labels,
    folds: stratifiedFolds(labels, 5, random.fork('folds')),
    random,
    runtime,
  } as unknown as Task
  const backbone = await cutBackbone(network(share), runtime)
  const [normalization] = usualNormalizations(1) as [ReturnType<typeof usualNormalizations>[0]]
  const pixels = takePixels(
    backbone.open,
    image,
    normalization as NonNullable<typeof normalization>,
  )
  const views = { count: 0, random: random.fork('views') }
  const { events, result } = await collect(chooseDepth(task, backbone, pixels, images, views))
  const decisions = events.flatMap((event) => (event.type === 'decision' ? [event] : []))
  return { backbone, result, decisions }
}

test('a network is reused less far where its upper layers have lost what counts', async () => {
  const { backbone, result, decisions } = await chosen(0)
  expect(result.depth.name).not.toBe(backbone.cut)
  expect(result.probe.accuracy).toBeGreaterThan(0.9)
  expect(decisions[0]?.sentence).toMatch(/^depths by leave-one-out score: /)
  const last = decisions.at(-1)
  expect(decisions.some(({ sentence, kept }) => kept && sentence.startsWith('reused up to'))).toBe(
    true,
  )
  expect(last?.sentence).toMatch(/: (kept|taken back)$/)
})

test('and up to its last layer where that is as good', async () => {
  const { backbone, result } = await chosen(1)
  expect(result.depth.name).toBe(backbone.cut)
  expect(result.probe.accuracy).toBeGreaterThan(0.9)
})
