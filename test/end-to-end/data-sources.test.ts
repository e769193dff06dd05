import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRandom } from '../../src/random.ts'
import { graft, graftJson, temporaryFolder } from './command-line.ts'
import { fitDocument } from './documents.ts'
import { shapePixels, side, writeShapes } from './shape-images.ts'
import { writeBackbone } from './tiny-models.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let at: (...names: string[]) => string

beforeAll(async () => {
  folder = await temporaryFolder()
  at = (...names) => join(folder.path, ...names)
})
afterAll(() => folder.remove())

/** The big-endian header of an IDX file of unsigned bytes, and its content, compressed. */
function idx(dims: readonly number[], content: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length)
  header.set([0, 0, 8, dims.length])
  for (const [axis, dim] of dims.entries()) header.writeUInt32BE(dim, 4 + 4 * axis)
  return gzipSync(Buffer.concat([header, content]))
}

it('reads a CSV manifest with few labels, an unlabelled image and a class of one image', async () => {
  const names = await writeShapes(at('all'), { circle: 5, square: 3, triangle: 1 })
  const rows = names.map((name) => `${name},${name === 'circle/4.png' ? '' : name.split('/')[0]}`)
  await writeFile(at('all', 'labels.csv'), ['path,label', ...rows, ''].join('\n'))
  await writeShapes(at('measured'), { circle: 2, triangle: 2 }, 1)

  const { code, stdout, stderr } = await graft(
    folder.path,
    ...['fit', 'all/labels.csv', '-o', 'csv', '--labels-per-class', '3', '--budget', '0.1s'],
    ...['--backbone', 'none', '--test', 'measured', '--json'],
  )
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('class "triangle" has 1 labelled images, not 3: all are used\n')
  const { strategies, chosen, verdict, test } = fitDocument.parse(JSON.parse(stdout))
  expect({ chosen, verdict }).toEqual({ chosen: 'scratch', verdict: 'no reliable difference' })
  expect(test?.n).toBe(4)
  expect(strategies[1]).toEqual({
    name: 'transfer',
    status: 'skipped',
    reason: expect.stringContaining('--backbone'),
    accuracy: null,
    seconds: 0,
    reusedUpTo: null,
    thawedFrom: null,
  })
  const { data } = JSON.parse(await readFile(at('csv', 'run.json'), 'utf8'))
  expect(data).toMatchObject({ kind: 'manifest', labelled: 7, unlabelled: 1 + 1 })
}, 60_000)

it('reads a pair of IDX files, and tries transfer alone', async () => {
  const shapes = ['circle', 'square']
  const rows = Array.from({ length: 8 }, (_, row) => row)
  const pixels = rows.flatMap((row) =>
    Array.from(shapePixels(shapes[row % 2] as string, createRandom(2).fork(row))),
  )
  await mkdir(at('idx'))
  await writeFile(at('idx/images.gz'), idx([8, side, side, 3], Uint8Array.from(pixels)))
  await writeFile(
    at('idx/labels.gz'),
    idx(
      [8],
      Uint8Array.from(rows, (row) => row % 2),
    ),
  )
  await writeBackbone(at('backbone.onnx'))

  const result = fitDocument.parse(
    await graftJson(
      folder.path,
      ...['fit', 'idx/images.gz,idx/labels.gz', '-o', 'pair', '--backbone', 'backbone.onnx'],
      ...['--strategies', 'transfer', '--budget', '0.1s'],
    ),
  )
  expect(result.strategies.map(({ name, status }) => [name, status])).toEqual([
    ['transfer', 'done'],
  ])
  expect(result).toMatchObject({ chosen: 'transfer', test: null })
}, 60_000)

it('does not measure on a test image that was a training image', async () => {
  await writeShapes(at('split', 'train'), { circle: 4, square: 4 })
  await writeShapes(at('split', 'test'), { circle: 2, square: 2 }, 1)
  await copyFile(at('split', 'train', 'circle', '0.png'), at('split', 'test', 'circle', '9.png'))
  const { code, stdout, stderr } = await graft(
    folder.path,
    ...['fit', 'split', '-o', 'twins', '--backbone', 'none', '--strategies', 'scratch'],
    ...['--budget', '0.1s', '--json'],
  )
  expect(code, stderr).toBe(0)
  expect(fitDocument.parse(JSON.parse(stdout)).test?.n).toBe(4)
  const { data } = JSON.parse(await readFile(at('twins', 'run.json'), 'utf8'))
  expect(data.skipped).toEqual([
    {
      file: 'test/circle/9.png',
      reason: 'a test image that is the same picture as train/circle/0.png of the training images',
    },
  ])
}, 60_000)
