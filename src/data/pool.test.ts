import { expect, test } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { decodePool } from './pool.ts'
import type { Item, LabelledItem, Source } from './source.ts'

const size = { height: 2, width: 2, channels: 1 }

/** Images of one brightness each. */
function items(prefix: string, values: readonly number[], label: number | null): Item[] {
  const data = Uint8Array.from(values.flatMap((value) => Array(4).fill(value)))
  const block = { ...size, count: values.length, data }
  return values.map((value, index) => ({
    name: `${prefix}/${value}.png`,
    label,
    origin: { block, index },
  }))
}

function sourceOf(test: readonly number[] | null): Source {
  return {
    kind: 'folder',
    path: 'data',
    classes: ['a'],
    train: items('train', [10, 20], 0) as LabelledItem[],
    unlabelled: items('unlabelled', [30, 40, 50], null),
    test: test && (items('test', test, 0) as LabelledItem[]),
    skipped: [],
  }
}

test.each([[null], [[]], [[60, 70]]])(
  'labelled and unlabelled images, beside the test images %j',
  async (given) => {
    const { images, labels } = (await collect(decodePool(sourceOf(given), size))).result
    expect(images.count).toBe(5)
    expect(Array.from(labels)).toEqual([0, 0, -1, -1, -1])
    const pixels = await images.read([0, 1, 2, 3, 4])
    expect(Array.from(pixels)).toEqual([10, 20, 30, 40, 50].flatMap((v) => Array(4).fill(v)))
  },
)

test.each([
  [[60, 40], 'unlabelled/40.png is test/40.png'],
  [[20], 'train/20.png is test/20.png'],
  [
    [10, 20, 30, 40],
    'train/10.png is test/10.png, train/20.png is test/20.png, unlabelled/30.png is test/30.png, and 1 more',
  ],
])(
  'an image that is also one of the test images %j is an error that names it',
  async (given, named) => {
    await expect(collect(decodePool(sourceOf(given), size))).rejects.toMatchObject({
      code: 'bad-input',
      message: `data: pretraining would see test images: ${named}; remove them from one of the two`,
    })
  },
)
