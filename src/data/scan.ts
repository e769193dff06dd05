import { GraftError } from '../errors.ts'
import { entryAt, findImages, listFolder } from './find-images.ts'
import { findInFolder, findTestInFolder } from './folder.ts'
import { findInIdxFolder, findInIdxPair, splitPair } from './idx-source.ts'
import { findInManifest } from './manifest.ts'
import {
  byCodeUnits,
  type Found,
  type FoundImage,
  type Item,
  type LabelledItem,
  type Source,
} from './source.ts'

/**
 * Describes what `path` holds, without decoding it: a folder of class folders; a folder with `train/`, and optionally
 * `test/` and `unlabelled/`; a CSV manifest; IDX files as `images,labels`; or a folder of files named as in MNIST.
 * Classes are in code-unit order of their names, or in numeric order where every name is a number. Throws `bad-input`
 * where there are fewer than two classes, or the test part has a class that the training part lacks.
 */
export async function scan(path: string): Promise<Source> {
  const found = await find(path, findInFolder)
  const classes = classesOf(found.train)
  if (classes.length === 0) throw nothingFound(path, 'labelled images', found)
  if (classes.length === 1) {
    throw new GraftError(
      'bad-input',
      `${path}: only one class ("${classes[0]}") has images; at least two are needed${firstSkip(found)}`,
    )
  }
  return numbered(path, found, classes)
}

/**
 * The labelled images of another path to measure on, numbered by the given `classes`: its `test/` part where it has
 * one, else all of its labelled images. Throws `bad-input` for a class that is not among `classes`, and where there is
 * no image.
 */
export async function scanTest(
  path: string,
  classes: readonly string[],
): Promise<{ test: readonly LabelledItem[]; skipped: Source['skipped'] }> {
  const found = await find(path, findTestInFolder)
  const test = numberLabels(found.test ?? found.train, classes, path)
  if (test.length === 0) throw nothingFound(path, 'labelled images', found)
  return { test, skipped: found.skipped }
}

/** Every image of another path, labelled or not: of a folder at any depth, of a manifest or of IDX files. */
export async function scanUnlabelled(
  path: string,
): Promise<{ unlabelled: readonly Item[]; skipped: Source['skipped'] }> {
  const found = await find(path, findAtAnyDepth)
  const images = [...found.train, ...found.unlabelled]
  if (images.length === 0) throw nothingFound(path, 'images', found)
  return { unlabelled: images.map(unlabel), skipped: found.skipped }
}

/**
 * All images of a path to learn from without the labels that are wanted in the end: what `scan` finds, also of one class, and of a folder without
 * folders every image. Throws `bad-input` where there is no image.
 */
export async function scanImages(path: string): Promise<Source> {
  const found = await find(path, async (folder) => {
    const isFlat = (await listFolder(folder)).every(({ entry }) => entry.kind !== 'folder')
    return isFlat ? findAtAnyDepth(folder) : findInFolder(folder)
  })
  if (found.train.length + found.unlabelled.length === 0) {
    throw nothingFound(path, 'images', found)
  }
  return numbered(path, found, classesOf([...found.train, ...(found.test ?? [])]))
}

function nothingFound(path: string, what: string, found: Found): GraftError {
  return new GraftError('bad-input', `${path}: no ${what} found${firstSkip(found)}`)
}

/** How many files were skipped, and why the first was: mostly the reason why something is missing. */
function firstSkip({ skipped: [first, ...more] }: Found): string {
  if (!first) return ''
  const count = more.length === 0 ? '1 file was' : `${more.length + 1} files were`
  return `; ${count} skipped, ${more.length === 0 ? '' : 'the first: '}${first.file}: ${first.reason}`
}

async function findAtAnyDepth(folder: string): Promise<Found> {
  const { images, skipped } = await findImages(folder, '', null)
  return { kind: 'folder', train: [], unlabelled: images, test: null, skipped }
}

/** What was found, with classes by their numbers. */
function numbered(path: string, found: Found, classes: readonly string[]): Source {
  return {
    kind: found.kind,
    path,
    classes,
    train: numberLabels(found.train, classes, path),
    unlabelled: found.unlabelled.map(unlabel),
    test: found.test && numberLabels(found.test, classes, path),
    skipped: found.skipped,
  }
}

async function find(path: string, inFolder: (folder: string) => Promise<Found>): Promise<Found> {
  try {
    return await findIn(path, inFolder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (error instanceof GraftError || code === undefined) throw error
    const { path: place = path } = error as NodeJS.ErrnoException
    throw new GraftError('bad-input', `${place}: cannot be read (${code})`, { cause: error })
  }
}

async function findIn(path: string, inFolder: (folder: string) => Promise<Found>): Promise<Found> {
  const { kind } = await entryAt(path)
  if (kind === 'folder') return (await findInIdxFolder(path)) ?? (await inFolder(path))
  if (kind === 'file' && path.toLowerCase().endsWith('.csv')) return findInManifest(path)
  const pair = await splitPair(path)
  if (pair !== null) return findInIdxPair(pair)
  if (kind === 'missing') throw new GraftError('bad-input', `${path}: no such file or folder`)
  throw new GraftError(
    'bad-input',
    `${path}: not a data set; give a folder, a .csv manifest or a pair of IDX files as images,labels`,
  )
}

function classesOf(images: readonly FoundImage[]): string[] {
  const names = [...new Set(images.flatMap(({ className }) => className ?? []))]
  const numeric = names.every((name) => /^(0|[1-9]\d*)$/.test(name))
  return names.sort(numeric ? (a, b) => Number(a) - Number(b) : byCodeUnits)
}

function numberLabels(
  images: readonly FoundImage[],
  classes: readonly string[],
  path: string,
): LabelledItem[] {
  const labels = new Map(classes.map((name, label) => [name, label]))
  const unknown = classesOf(images).find((name) => !labels.has(name))
  if (unknown !== undefined) {
    throw new GraftError(
      'bad-input',
      `${path}: the test images have the class "${unknown}", of which there is no training image; the classes are ${quote(classes)}`,
    )
  }
  return images.map(({ name, className, origin }) => ({
    name,
    label: labels.get(className as string) as number,
    origin,
  }))
}

/** A list for a one-line message: at most ten names. */
function quote(classes: readonly string[]): string {
  const shown = classes.slice(0, 10).map((name) => `"${name}"`)
  return classes.length > 10 ? `${shown.join(', ')}, …` : shown.join(', ')
}

function unlabel({ name, origin }: FoundImage): Item {
  return { name, label: null, origin }
}
