import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { fileDigest } from '../files.ts'

/** What the hub says a file hashes to: large files are known by the SHA-256 of their bytes, small ones by the name that git gives them. */
export type Digest = { readonly algorithm: 'sha256' | 'git'; readonly hex: string }

const compute: Readonly<
  Record<Digest['algorithm'], (path: string, size: number) => Promise<string>>
> = {
  sha256: fileDigest,
  // git hash-object: SHA-1 of a header with the length, and the content.
  git: async (path, size) => {
    const hash = createHash('sha1').update(`blob ${size}\0`)
    await pipeline(createReadStream(path), hash)
    return hash.digest('hex')
  },
}

/** Whether a file is there, and has the size and the content that it should have. */
export async function isIntact(path: string, size: number, digest: Digest): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  if (!found?.isFile() || found.size !== size) return false
  return (await compute[digest.algorithm](path, size)) === digest.hex
}
