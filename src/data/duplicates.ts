import { createHash } from 'node:crypto'
import { bytesPerImage, type Images } from './pixels.ts'

/** Two names of the same picture. */
export type Duplicate = { readonly train: string; readonly test: string }

/** The images of `test` that are also in `train`, pixel by pixel as decoded; each is paired with the first equal one. */
export function findDuplicates(train: Images, test: Images): Duplicate[] {
  const names = new Map<string, string>()
  for (const [digest, name] of digests(train)) if (!names.has(digest)) names.set(digest, name)
  const duplicates: Duplicate[] = []
  for (const [digest, name] of digests(test)) {
    const twin = names.get(digest)
    if (twin !== undefined) duplicates.push({ train: twin, test: name })
  }
  return duplicates
}

function* digests(images: Images): Generator<[digest: string, name: string]> {
  const row = bytesPerImage(images)
  for (const [i, name] of images.names.entries()) {
    const pixels = images.data.subarray(i * row, (i + 1) * row)
    yield [createHash('sha256').update(pixels).digest('base64'), name]
  }
}
