import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { folderOf, idxOf } from '../../testing/test-folder.ts'
import { scan, scanImages, scanTest, scanUnlabelled } from './scan.ts'
import type { Item } from './source.ts'

// Scanning decodes nothing, so any content will do.
const classFolders = { 'cats/1.jpg': 'x', 'cats/2.JPG': 'xx', 'dogs/1.PnG': 'x' }

const names = (items: readonly Item[] | null) => items?.map(({ name }) => name)
const labels = (items: readonly Item[] | null) => items?.map(({ label }) => label)

describe('a folder of class folders', () => {
  test('gives the classes by name and the images in order, whatever the case of extensions', async () => {
    const source = await scan(await folderOf(classFolders))
    expect(source.kind).toBe('folder')
    expect(source.classes).toEqual(['cats', 'dogs'])
    expect(names(source.train)).toEqual(['cats/1.jpg', 'cats/2.JPG', 'dogs/1.PnG'])
    expect(labels(source.train)).toEqual([0, 0, 1])
    expect(source.test).toBeNull()
    expect(source.skipped).toEqual([])
  })

  test('ignores hidden files, system files and other kinds of file, and names what looks like an image', async () => {
    const folder = await folderOf({
      ...classFolders,
      'cats/.DS_Store': 'x',
      'cats/._1.jpg': 'x',
      'cats/Thumbs.db': 'x',
      'cats/notes.txt': 'x',
      '__MACOSX/cats/1.jpg': 'x',
      '.git/1.jpg': 'x',
      'README.md': 'x',
      'loose.png': 'x',
    })
    await mkdir(join(folder, 'dogs', 'x.png'))
    await mkdir(join(folder, 'empty'))
    const source = await scan(folder)
    expect(source.classes).toEqual(['cats', 'dogs'])
    expect(source.train).toHaveLength(3)
    expect(source.skipped).toEqual([
      { file: 'loose.png', reason: 'outside any class folder' },
      { file: 'dogs/x.png', reason: 'a folder, not an image' },
      { file: 'empty', reason: 'a class folder without images' },
    ])
  })

  test('reads names with spaces, accents and other scripts, composed the same on every system', async () => {
    const source = await scan(
      await folderOf({ 'très bien/a b.jpg': 'x', '猫/cafe\u0301 #1%.png': 'x' }),
    )
    expect(source.classes).toEqual(['très bien', '猫'])
    expect(names(source.train)).toEqual(['très bien/a b.jpg', '猫/caf\u00e9 #1%.png'])
  })

  test('orders classes that are numbers as numbers', async () => {
    const source = await scan(await folderOf({ '10/a.png': 'x', '9/a.png': 'x', '0/a.png': 'x' }))
    expect(source.classes).toEqual(['0', '9', '10'])
    expect(labels(source.train)).toEqual([0, 2, 1])
  })

  test('ends in spite of links that go round in a circle', async () => {
    const folder = await folderOf({ ...classFolders, 'cats/inner/3.jpg': 'x' })
    await symlink(join(folder, 'cats'), join(folder, 'cats', 'inner', 'again'), 'junction')
    await symlink(join(folder, 'dogs'), join(folder, 'dogs', 'self'), 'junction')
    const source = await scan(folder)
    expect(names(source.train)).toEqual([
      'cats/1.jpg',
      'cats/2.JPG',
      'cats/inner/3.jpg',
      'dogs/1.PnG',
    ])
  })

  // Windows lets only administrators link files.
  test.skipIf(process.platform === 'win32')('names a link to a file that is gone', async () => {
    const folder = await folderOf(classFolders)
    await symlink(join(folder, 'gone.jpg'), join(folder, 'dogs', 'link.jpg'))
    expect((await scan(folder)).skipped).toEqual([
      { file: 'dogs/link.jpg', reason: 'no such file' },
    ])
  })

  test('follows a link to a folder elsewhere', async () => {
    const elsewhere = await folderOf({ 'deep/3.jpg': 'x' })
    const folder = await folderOf(classFolders)
    await symlink(elsewhere, join(folder, 'emus'), 'junction')
    const source = await scan(folder)
    expect(source.classes).toEqual(['cats', 'dogs', 'emus'])
    expect(names(source.train)?.at(-1)).toBe('emus/deep/3.jpg')
  })
})

describe('a folder with train/', () => {
  test('gives train, test and unlabelled images at any depth, and names what it does not read', async () => {
    const folder = await folderOf({
      'train/cats/1.jpg': 'x',
      'train/dogs/1.jpg': 'x',
      'test/dogs/9.jpg': 'x',
      'unlabelled/a.jpg': 'x',
      'unlabelled/deep/er/b.webp': 'x',
      'val/cats/1.jpg': 'x',
    })
    const source = await scan(folder)
    expect(names(source.train)).toEqual(['train/cats/1.jpg', 'train/dogs/1.jpg'])
    expect(names(source.test)).toEqual(['test/dogs/9.jpg'])
    expect(labels(source.test)).toEqual([1])
    expect(names(source.unlabelled)).toEqual(['unlabelled/a.jpg', 'unlabelled/deep/er/b.webp'])
    expect(labels(source.unlabelled)).toEqual([null, null])
    expect(source.skipped).toEqual([
      { file: 'val', reason: 'beside train/, only test/ and unlabelled/ are read' },
    ])
  })

  test('refuses a test class that training does not know', async () => {
    const folder = await folderOf({
      'train/cats/1.jpg': 'x',
      'train/dogs/1.jpg': 'x',
      'test/emus/1.jpg': 'x',
    })
    await expect(scan(folder)).rejects.toThrow(
      /the test images have the class "emus", of which there is no training image; the classes are "cats", "dogs"$/,
    )
  })
})

test('a folder train/ of images beside other classes is a class', async () => {
  const trains = { 'train/1.jpg': 'x', 'train/2.jpg': 'x' }
  const source = await scan(await folderOf({ ...trains, 'car/1.jpg': 'x', 'plane/1.jpg': 'x' }))
  expect(source.classes).toEqual(['car', 'plane', 'train'])
  expect(labels(source.train)).toEqual([0, 1, 2, 2])
  await expect(scan(await folderOf({ ...trains, 'test/1.jpg': 'x' }))).rejects.toThrow(
    /train: holds images but no class folders/,
  )
})

describe('IDX files', () => {
  const images = idxOf([3, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  const labelBytes = idxOf([3], [10, 2, 10])

  test('are read as a pair, gzipped or plain, also from a folder with a comma in its name', async () => {
    const folder = await folderOf({ 'a,b/i.gz': gzipSync(images), 'a,b/l': labelBytes })
    const source = await scan(`${folder}/a,b/i.gz,${folder}/a,b/l`)
    expect(source.kind).toBe('idx')
    expect(source.classes).toEqual(['2', '10'])
    expect(labels(source.train)).toEqual([1, 0, 1])
    expect(names(source.train)).toEqual(['i.gz#0', 'i.gz#1', 'i.gz#2'])
  })

  test('are read from a folder by the names of MNIST', async () => {
    const source = await scan(
      await folderOf({
        'train-images-idx3-ubyte': images,
        'train-labels-idx1-ubyte.gz': gzipSync(labelBytes),
        't10k-images.idx3-ubyte': images,
        't10k-labels.idx1-ubyte': labelBytes,
      }),
    )
    expect(source.train).toHaveLength(3)
    expect(source.test).toHaveLength(3)
  })

  test('must hold as many images as labels', async () => {
    const folder = await folderOf({ i: images, l: idxOf([2], [0, 1]) })
    await expect(scan(`${folder}/i,${folder}/l`)).rejects.toThrow(
      `${folder}/i holds 3 images but ${folder}/l holds 2 labels`,
    )
  })

  test('as a pair must both be there', async () => {
    const folder = await folderOf({ i: images, l: labelBytes })
    await expect(scan(`${folder}/i,${folder}/gone`)).rejects.toThrow(`${folder}/gone: no such file`)
    await expect(scan(`${folder}/gone,${folder}/l`)).rejects.toThrow(`${folder}/gone: no such file`)
  })

  test('in a folder need their labels', async () => {
    const folder = await folderOf({ 'train-images-idx3-ubyte': images })
    await expect(scan(folder)).rejects.toThrow('but not the file of its labels')
  })
})

describe('a bad path is one clear line', () => {
  const cases: [string, Record<string, string>, string, RegExp][] = [
    ['nothing there', {}, '/gone', /gone: no such file or folder$/],
    ['an empty folder', {}, '', /: the folder is empty$/],
    ['images without classes', { 'a.png': 'x' }, '', /images but no class folders; put the images/],
    ['no classes', { 'a.txt': 'x' }, '', /holds no class folders; put the images/],
    [
      'classes without images',
      { 'a/b.txt': 'x' },
      '',
      /no labelled images found; 1 file was skipped, a: a class folder without images$/,
    ],
    ['one class', { 'cats/a.png': 'x' }, '', /only one class \("cats"\) has images/],
    ['a single image', { 'a.png': 'x' }, '/a.png', /not a data set; give a folder, a \.csv/],
  ]
  test.each(cases)('%s', async (_, files, path, message) => {
    const folder = await folderOf(files)
    await expect(scan(folder + path)).rejects.toMatchObject({
      name: 'GraftError',
      code: 'bad-input',
      message: expect.stringMatching(message),
    })
  })
})

describe('sources given beside the data', () => {
  test('a test folder is numbered by the classes it is measured against', async () => {
    const { test: items } = await scanTest(await folderOf({ 'dogs/1.png': 'x' }), ['cats', 'dogs'])
    expect(labels(items)).toEqual([1])
    const split = await folderOf({ 'train/cats/1.png': 'x', 'test/cats/2.png': 'x' })
    expect(names((await scanTest(split, ['cats', 'dogs'])).test)).toEqual(['test/cats/2.png'])
    await expect(scanTest(split, ['emus', 'dogs'])).rejects.toThrow('"cats"')
    const alone = await folderOf({ 'test/cats/3.png': 'x' })
    expect(names((await scanTest(alone, ['cats', 'dogs'])).test)).toEqual(['test/cats/3.png'])
  })

  test('unlabelled images come from any depth, and lose the labels they have', async () => {
    const loose = await folderOf({ 'a.png': 'x', 'cats/1.png': 'x' })
    expect(names((await scanUnlabelled(loose)).unlabelled)).toEqual(['a.png', 'cats/1.png'])
    const manifest = await folderOf({
      'm.csv': 'path,label\na.png,cat\nb.png,\n',
      'a.png': '',
      'b.png': '',
    })
    const { unlabelled } = await scanUnlabelled(join(manifest, 'm.csv'))
    expect(labels(unlabelled)).toEqual([null, null])
    await expect(scanUnlabelled(await folderOf({ 'a.txt': 'x' }))).rejects.toThrow(
      'no images found',
    )
  })
})

describe('images to learn from without labels', () => {
  test('may lie in one folder without classes', async () => {
    const folder = await folderOf({ 'a.png': 'x', 'b.png': 'x' })
    const source = await scanImages(folder)
    expect(source).toMatchObject({ kind: 'folder', classes: [], train: [], test: null })
    expect(source.unlabelled.map(({ name }) => name)).toEqual(['a.png', 'b.png'])
  })

  test('may be of one class, and a test part stays one', async () => {
    const folder = await folderOf({
      'train/x/a.png': 'x',
      'test/y/b.png': 'x',
      'unlabelled/c.png': 'x',
    })
    const source = await scanImages(folder)
    expect(source.classes).toEqual(['x', 'y'])
    expect(source.train.map(({ name }) => name)).toEqual(['train/x/a.png'])
    expect(source.test?.map(({ name }) => name)).toEqual(['test/y/b.png'])
    expect(source.unlabelled.map(({ name }) => name)).toEqual(['unlabelled/c.png'])
  })

  test('may be IDX files of a folder', async () => {
    const source = await scanImages('data/fashion-mnist')
    expect(source.kind).toBe('idx')
    expect(source.train.length).toBe(7000)
  })
})
