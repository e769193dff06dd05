import { createHash } from 'node:crypto'
import type { PixelBlock } from './pixels.ts'
import type { Item, Source } from './source.ts'

/**
 * A SHA-256 that tells two data sets apart: over classes, relative names, labels and the sizes of files, and over the
 * pixels of IDX data. It is the same on every machine that holds the same files, and decodes nothing.
 */
export function fingerprint(source: Source): string {
  const hash = createHash('sha256')
  const blocks = new Map<PixelBlock, string>()
  const sizeOf = ({ origin }: Item): number | string => {
    if ('file' in origin) return origin.bytes
    const known = blocks.get(origin.block)
    if (known !== undefined) return known
    const digest = createHash('sha256').update(origin.block.data).digest('hex')
    blocks.set(origin.block, digest)
    return digest
  }
  hash.update(JSON.stringify(source.classes))
  for (const part of ['train', 'unlabelled', 'test'] as const) {
    hash.update(`\n${part}`)
    for (const item of source[part] ?? []) {
      hash.update(`\n${JSON.stringify([item.name, item.label, sizeOf(item)])}`)
    }
  }
  return hash.digest('hex')
}
