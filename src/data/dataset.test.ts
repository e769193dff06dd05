import { describe, expect, test } from 'vitest'
import { drain, folderOf, imageOf } from '../../testing/test-folder.ts'
import { createRandom } from '../random.ts'
import { decodeDataset } from './dataset.ts'
import { fingerprint } from './fingerprint.ts'
import { openSource } from './open-source.ts'

const size = { height: 2, width: 2, channels: 3 }
const [red, green, blue] = await Promise.all([
  imageOf([255, 0, 0]),
  imageOf([0, 255, 0]),
  imageOf([0, 0, 255]),
])

async function load(files: Record<string, string | Uint8Array>, options = {}, decoding = {}) {
  const { source, short } = await openSource(await folderOf(files), options, createRandom(1))
  const { events, result } = await drain(decodeDataset(source, size, { cache: null, ...decoding }))
  return { source, short, events, data: result }
}

describe('a data set', () => {
  test('has its parts decoded, labelled and named, with progress of each part', async () => {
    const { data, events, source } = await load({
      'train/red/1.png': red,
      'train/green/1.png': green,
      'test/red/2.png': red,
      'unlabelled/3.png': blue,
    })
    expect(data.classes).toEqual(['green', 'red'])
    expect(data.train.images).toMatchObject({ count: 2, height: 2, width: 2, channels: 3 })
    expect(data.train.images.names).toEqual(['train/green/1.png', 'train/red/1.png'])
    expect([...data.train.images.data.subarray(0, 3)]).toEqual([0, 255, 0])
    expect([...data.train.labels]).toEqual([0, 1])
    expect([...(data.test?.labels ?? [])]).toEqual([1])
    expect([...(data.unlabelled?.data.subarray(0, 3) ?? [])]).toEqual([0, 0, 255])
    expect(data.fingerprint).toBe(fingerprint(source))
    expect(events).toContainEqual({ type: 'decode', part: 'train', done: 2, total: 2 })
    expect(events).toContainEqual({ type: 'decode', part: 'unlabelled', done: 1, total: 1 })
    expect(events).toContainEqual({ type: 'decode', part: 'test', done: 1, total: 1 })
  })

  test('has an event for each file that is skipped, found at the scan or when decoding', async () => {
    const { data, events } = await load({
      'red/1.png': red,
      'red/text.jpg': 'hello',
      'green/1.png': green,
      'green/cut.png': green.subarray(0, green.length - 30),
      'loose.png': blue,
    })
    const files = ['loose.png', 'green/cut.png', 'red/text.jpg']
    expect(data.skipped.map(({ file }) => file)).toEqual(files)
    expect(events.flatMap((event) => (event.type === 'skipped' ? event.file : []))).toEqual(files)
    expect(data.train.images.count).toBe(2)
  })

  test('leaves out a class without a decodable image, with its test images, and renumbers the rest', async () => {
    const { data } = await load({
      'train/bad/1.png': 'broken',
      'train/green/1.png': green,
      'train/red/1.png': red,
      'test/bad/2.png': blue,
      'test/red/2.png': red,
    })
    expect(data.classes).toEqual(['green', 'red'])
    expect([...data.train.labels]).toEqual([0, 1])
    expect([...(data.test?.labels ?? [])]).toEqual([1])
    expect(data.skipped).toContainEqual({
      file: 'bad',
      reason: expect.stringContaining('left out'),
    })
  })

  test('without two decodable classes, or with no decodable test image, is one clear line', async () => {
    const broken = { 'a/1.png': 'x', 'b/1.png': 'x' }
    await expect(load(broken)).rejects.toThrow('none of its images can be decoded')
    await expect(load({ ...broken, 'b/1.png': red })).rejects.toThrow(
      'only the images of "b" can be',
    )
    await expect(
      load({ 'train/a/1.png': red, 'train/b/1.png': red, 'test/a/1.png': 'x' }),
    ).rejects.toThrow('none of the test images can be decoded')
  })
})

describe('what is given beside a data set', () => {
  const classes = { 'red/1.png': red, 'red/2.png': red, 'red/3.png': red, 'green/1.png': green }

  test('a test folder takes the place of its own, and unlabelled images come on top', async () => {
    const { data } = await load(
      {
        'train/red/1.png': red,
        'train/green/1.png': green,
        'test/red/2.png': red,
        'unlabelled/3.png': blue,
      },
      {
        test: await folderOf({ 'green/9.png': green }),
        unlabelled: await folderOf({ 'deep/8.png': blue }),
      },
    )
    expect(data.test?.images.names).toEqual(['green/9.png'])
    expect(data.unlabelled?.names).toEqual(['unlabelled/3.png', 'deep/8.png'])
  })

  test('labels a class are limited before decoding, so that nobody decodes what nobody wants', async () => {
    const files = {
      ...classes,
      'red/2.png': 'broken',
      'red/3.png': 'broken',
      'red/1.png': 'broken',
    }
    const wanted = await load(classes, { labelsPerClass: 2 })
    expect(wanted.data.train.images.count).toBe(3)
    expect(wanted.data.unlabelled?.count).toBe(1)
    expect(wanted.short).toEqual([{ label: 0, count: 1 }])
    const unwanted = await load(classes, { labelsPerClass: 2 }, { unlabelled: false })
    expect(unwanted.data.unlabelled).toBeNull()
    expect(
      unwanted.events.filter((event) => event.type === 'decode' && event.part !== 'train'),
    ).toEqual([])
    await expect(load(files, { labelsPerClass: 1 })).rejects.toThrow('only the images of "green"')
  })
})
