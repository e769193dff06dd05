import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { GraftError } from '../errors.ts'
import { entryAt } from './find-images.ts'
import { readIdxImages, readIdxLabels } from './idx.ts'
import { byCodeUnits, type Found, type FoundImage } from './source.ts'

type Pair = { readonly images: string; readonly labels: string }

/** Reads a pair of IDX files. Throws `bad-input` where they hold different counts. */
export async function findInIdxPair(pair: Pair): Promise<Found> {
  return { kind: 'idx', train: await readPair(pair), unlabelled: [], test: null, skipped: [] }
}

/** Reads a folder of files named as in MNIST; null where there are no such files. */
export async function findInIdxFolder(folder: string): Promise<Found | null> {
  const names = (await readdir(folder)).sort(byCodeUnits)
  const train = pairIn(folder, names, 'train')
  const test = pairIn(folder, names, 't10k|test')
  if (train === null) return null
  return {
    kind: 'idx',
    train: await readPair(train),
    unlabelled: [],
    test: test === null ? null : await readPair(test),
    skipped: [],
  }
}

/**
 * The two files of `images,labels`, at whichever comma parts two files; null where there is none. Throws `bad-input`
 * where only one of the two is there.
 */
export async function splitPair(path: string): Promise<Pair | null> {
  let lacking: string | undefined
  for (let comma = path.indexOf(','); comma !== -1; comma = path.indexOf(',', comma + 1)) {
    const pair = { images: path.slice(0, comma).trim(), labels: path.slice(comma + 1).trim() }
    const [images, labels] = await Promise.all([entryAt(pair.images), entryAt(pair.labels)])
    if (images.kind === 'file' && labels.kind === 'file') return pair
    if (images.kind === 'file') lacking = pair.labels
    if (labels.kind === 'file') lacking = pair.images
  }
  if (lacking === undefined) return null
  throw new GraftError('bad-input', `${lacking}: no such file; the other file of the pair is there`)
}

function pairIn(folder: string, names: readonly string[], part: string): Pair | null {
  const find = (content: string) =>
    names.find((name) => new RegExp(`^(${part})-${content}[-.]idx\\d-ubyte(\\.gz)?$`).test(name))
  const images = find('images')
  const labels = find('labels')
  if (images === undefined && labels === undefined) return null
  if (images === undefined || labels === undefined) {
    const [present, absent] = images === undefined ? [labels, 'images'] : [images, 'labels']
    throw new GraftError('bad-input', `${folder}: has ${present} but not the file of its ${absent}`)
  }
  return { images: join(folder, images), labels: join(folder, labels) }
}

async function readPair(pair: Pair): Promise<FoundImage[]> {
  const block = await readIdxImages(pair.images)
  const labels = await readIdxLabels(pair.labels)
  if (block.count !== labels.length) {
    throw new GraftError(
      'bad-input',
      `${pair.images} holds ${block.count} images but ${pair.labels} holds ${labels.length} labels`,
    )
  }
  const file = basename(pair.images)
  return Array.from(labels, (label, index) => ({
    name: `${file}#${index}`,
    className: String(label),
    origin: { block, index },
  }))
}
