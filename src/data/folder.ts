import { join } from 'node:path'
import { GraftError } from '../errors.ts'
import { findImages, joinName, listFolder, looksLikeImage } from './find-images.ts'
import type { Found, FoundImage, SkippedFile } from './source.ts'

/** What people call the parts of a data set; Graft reads `train`, `test` and `unlabelled`. */
const partNames =
  /^(train(ing)?|test(ing)?|val(id(ation)?)?|eval(uation)?|unlabel+ed)([-_]?(set|data|images))?$/i

/**
 * Reads a folder of class folders, or a folder with `train/` and optionally `test/` (folders of class folders) and
 * `unlabelled/` (images at any depth). Class folders are read at any depth. A folder `train/` of images alone, with others beside it that are no parts, is
 * a class like these: trains. Throws `bad-input` where there is nothing
 * that could be a class, and where folders are named like parts but none is `train/`.
 */
export async function findInFolder(path: string): Promise<Found> {
  const entries = await listFolder(path)
  if (entries.length === 0) throw new GraftError('bad-input', `${path}: the folder is empty`)
  const folders = entries.filter(({ entry }) => entry.kind === 'folder').map(({ name }) => name)
  if (!folders.includes('train') || (await isClass(path, folders))) {
    if (folders.length > 0 && folders.every((name) => partNames.test(name))) {
      const names = folders.map((name) => `${name}/`).join(', ')
      throw new GraftError(
        'bad-input',
        `${path}: ${names} look like the parts of a data set, not like classes; name them train/ and test/`,
      )
    }
    const { images, skipped } = await findClasses(path, '')
    return { kind: 'folder', train: images, unlabelled: [], test: null, skipped }
  }

  const train = await findClasses(join(path, 'train'), 'train')
  const test = folders.includes('test') ? await findClasses(join(path, 'test'), 'test') : null
  const unlabelled = folders.includes('unlabelled')
    ? await findImages(join(path, 'unlabelled'), 'unlabelled', null)
    : null
  const unread = folders
    .filter((name) => !['train', 'test', 'unlabelled'].includes(name))
    .map((file) => ({ file, reason: 'beside train/, only test/ and unlabelled/ are read' }))
  return {
    kind: 'folder',
    train: train.images,
    unlabelled: unlabelled?.images ?? [],
    test: test?.images ?? null,
    skipped: [train, test, unlabelled, { skipped: unread }].flatMap((part) => part?.skipped ?? []),
  }
}

/** Whether the folder `train/` is a class among others. */
async function isClass(path: string, folders: readonly string[]): Promise<boolean> {
  if (folders.every((name) => partNames.test(name))) return false
  const within = await listFolder(join(path, 'train'))
  return (
    within.some(({ name }) => looksLikeImage(name)) &&
    within.every(({ entry }) => entry.kind !== 'folder')
  )
}

/** The same for images to measure on: of a folder with `test/` in it, that part alone, `train/` or not. */
export async function findTestInFolder(path: string): Promise<Found> {
  const entries = await listFolder(path)
  const has = (part: string) =>
    entries.some(({ name, entry }) => name === part && entry.kind === 'folder')
  if (!has('test') || has('train')) return findInFolder(path)
  const { images, skipped } = await findClasses(join(path, 'test'), 'test')
  return { kind: 'folder', train: [], unlabelled: [], test: images, skipped }
}

async function findClasses(
  path: string,
  prefix: string,
): Promise<{ images: FoundImage[]; skipped: SkippedFile[] }> {
  const entries = await listFolder(path)
  const folders = entries.filter(({ entry }) => entry.kind === 'folder')
  const loose = entries.filter(({ name, entry }) => entry.kind !== 'folder' && looksLikeImage(name))
  if (folders.length === 0) {
    const found = loose.length > 0 ? 'images but no class folders' : 'no class folders'
    throw new GraftError(
      'bad-input',
      `${path}: holds ${found}; put the images of each class into a folder named after the class`,
    )
  }
  const skipped: SkippedFile[] = loose.map(({ name }) => ({
    file: joinName(prefix, name),
    reason: 'outside any class folder',
  }))
  const images: FoundImage[] = []
  for (const { name } of folders) {
    const file = joinName(prefix, name)
    const found = await findImages(join(path, name), file, name.normalize('NFC'))
    if (found.images.length === 0) skipped.push({ file, reason: 'a class folder without images' })
    for (const image of found.images) images.push(image)
    for (const skip of found.skipped) skipped.push(skip)
  }
  return { images, skipped }
}
