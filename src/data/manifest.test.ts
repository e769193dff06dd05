import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { folderOf } from '../../testing/test-folder.ts'
import { scan } from './scan.ts'

async function scanManifest(text: string) {
  const images = { 'a.png': 'x', 'b.png': 'x', 'deep/c, d.png': 'x', 'e.png': 'x' }
  return scan(join(await folderOf({ ...images, 'data.csv': text }), 'data.csv'))
}

describe('a manifest', () => {
  test('gives labelled and unlabelled images, relative to its folder, with quotes, a BOM and CRLF', async () => {
    const source = await scanManifest(
      '\uFEFFpath,label\r\na.png,cat\r\n"deep/c, d.png","dog, large"\r\nb.png,\r\n\r\n',
    )
    expect(source.kind).toBe('manifest')
    expect(source.classes).toEqual(['cat', 'dog, large'])
    expect(source.train.map(({ name, label }) => [name, label])).toEqual([
      ['a.png', 0],
      ['deep/c, d.png', 1],
    ])
    expect(source.unlabelled.map(({ name }) => name)).toEqual(['b.png'])
  })

  test('may have its columns in another order and others beside them', async () => {
    const source = await scanManifest('Label,source,PATH\ncat,web,a.png\ndog,web,b.png\n')
    expect(source.train.map(({ name }) => name)).toEqual(['a.png', 'b.png'])
  })

  test('may have no header where it has just two columns', async () => {
    const source = await scanManifest('a.png,cat\nb.png,dog\n')
    expect(source.train).toHaveLength(2)
  })

  test('skips rows without a file, a missing file, a folder and a file named twice', async () => {
    const source = await scanManifest(
      'path,label\na.png,cat\nb.png,dog\ngone.png,dog\na.png,dog\n,cat\ndeep,cat\n',
    )
    expect(source.train).toHaveLength(2)
    expect(source.skipped).toEqual([
      { file: 'a.png', reason: 'named a second time on line 5' },
      { file: 'line 6', reason: 'no path in this row' },
      { file: 'gone.png', reason: 'no such file' },
      { file: 'deep', reason: 'a folder, not an image' },
    ])
  })

  test.each([
    [
      'other columns',
      'file,class\na.png,cat\n',
      /has the columns path,label; its first line is "file,class"$/,
    ],
    ['no rows', '', /the manifest is empty$/],
    [
      'a row of another width',
      'path,label\na.png,cat,7\n',
      /line 2: 3 columns where the first line has 2$/,
    ],
    ['an open quote', 'path,label\n"a.png,cat\n', /not a CSV file: /],
    ['a header alone', 'path,label\n', /no labelled images found$/],
    ['one class', 'path,label\na.png,cat\nb.png,\n', /only one class \("cat"\)/],
  ])('with %s is one clear line', async (_, text, message) => {
    await expect(scanManifest(text)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(message),
    })
  })
})
