import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { folderOf, idxOf } from '../../testing/test-folder.ts'
import { readIdx, readIdxImages, readIdxLabels } from './idx.ts'
import { parseIdx } from './parse-idx.ts'

describe('parseIdx', () => {
  const arrays = fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }).chain((dims) => {
    const length = dims.reduce((product, dim) => product * dim, 1)
    return fc.tuple(fc.constant(dims), fc.uint8Array({ minLength: length, maxLength: length }))
  })

  test('gives back any array of bytes', () => {
    fc.assert(
      fc.property(arrays, ([dims, data]) => {
        const parsed = parseIdx(idxOf(dims, data), 'f')
        expect(parsed.dims).toEqual(dims)
        expect(Array.from(parsed.data)).toEqual(Array.from(data))
      }),
    )
  })

  test('refuses any file that is shorter or longer than it says', () => {
    fc.assert(
      fc.property(arrays, fc.nat(), ([dims, data], at) => {
        const whole = idxOf(dims, data)
        expect(() => parseIdx(whole.subarray(0, at % whole.length), 'f')).toThrow(/^f: /)
        expect(() => parseIdx(Buffer.concat([whole, Buffer.alloc(1)]), 'f')).toThrow('cut short')
      }),
    )
  })

  test('refuses other magic numbers and element types', () => {
    expect(() => parseIdx(Buffer.from('hello world'), 'f')).toThrow('not an IDX file')
    expect(() => parseIdx(idxOf([1], [0, 0, 0, 0], 0x0d), 'f')).toThrow('elements of type 13')
  })
})

describe('IDX files', () => {
  test('hold grey images, or images with channels', async () => {
    const folder = await folderOf({
      grey: idxOf([2, 1, 3], [1, 2, 3, 4, 5, 6]),
      rgb: gzipSync(idxOf([1, 1, 2, 3], [1, 2, 3, 4, 5, 6])),
    })
    expect(await readIdxImages(join(folder, 'grey'))).toMatchObject({
      count: 2,
      height: 1,
      width: 3,
      channels: 1,
    })
    expect(await readIdxImages(join(folder, 'rgb'))).toMatchObject({
      count: 1,
      height: 1,
      width: 2,
      channels: 3,
    })
  })

  test('are not mixed up, and not accepted damaged', async () => {
    const folder = await folderOf({
      labels: idxOf([2], [0, 1]),
      images: idxOf([1, 1, 1], [9]),
      odd: idxOf([1, 1, 1, 2], [9, 9]),
      'bad.gz': gzipSync(idxOf([2], [0, 1])).subarray(0, 12),
    })
    const at = (name: string) => join(folder, name)
    await expect(readIdxImages(at('labels'))).rejects.toThrow('holds labels, not images')
    await expect(readIdxLabels(at('images'))).rejects.toThrow('labels have one dimension')
    await expect(readIdxImages(at('odd'))).rejects.toThrow('not [1, 1, 1, 2]')
    await expect(readIdx(at('bad.gz'))).rejects.toThrow('a damaged gzip file')
  })
})
