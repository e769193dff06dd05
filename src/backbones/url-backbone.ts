import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { GraftError } from '../errors.ts'
import { fileDigest, writeFileAtomic } from '../files.ts'
import { asProgress } from '../training/task.ts'
import type { BackboneEvent, ResolvedBackbone } from './backbone.ts'
import { ask, Unreachable } from './connection.ts'
import { download } from './download.ts'
import { noPreparation } from './preparation.ts'
import type { HubSettings } from './settings.ts'

/**
 * Finds a backbone at an address: downloads it, or takes it from the cache where the server says that it is still the same, or cannot be
 * reached.
 *
 * @param digest the SHA-256 of the file that has to be had, where it is known: the cache then does without the server
 * @throws GraftError `bad-input` where it cannot be had, with what to do
 */
export async function* urlBackbone(
  url: string,
  settings: HubSettings,
  digest: string | null = null,
): AsyncGenerator<BackboneEvent, ResolvedBackbone> {
  const name = decodeURIComponent(new URL(url).pathname.split('/').at(-1) || 'model.onnx')
  const key = createHash('sha256').update(url).digest('hex').slice(0, 32)
  const folder = join(settings.cache, 'url', key)
  const path = join(folder, name.replace(/[^\w.-]/g, '-'))
  const found = {
    name: url,
    spec: url,
    path,
    revision: null,
    license: null,
    ...noPreparation,
  }
  const cached = await cachedAt(path)
  const use = cached && { ...found, digest: cached.sha256 }
  if (use && use.digest === digest) return use
  if (settings.isOffline) {
    if (use) return use
    throw absent(url, 'Graft is offline (HF_HUB_OFFLINE or GRAFT_OFFLINE is set)')
  }
  try {
    if (use && (await isStill(url, cached.version, settings))) return use
    const refuse = ({ status }: Response) =>
      new GraftError('bad-input', `${url}: the server answers ${status}: check the address`)
    const wanted = { name: url, url, headers: {}, target: path, known: null, refuse }
    const version = yield* asProgress(`downloading ${name}`, download(wanted, settings.patience))
    const sha256 = await fileDigest(path)
    await writeFileAtomic(noteOf(path), JSON.stringify({ url, version, sha256 }))
    return { ...found, digest: sha256 }
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    if (!use) throw absent(url, `the server cannot be reached: ${error.message}`)
    const sentence = `${url}: the file in the cache is used, for the server cannot be reached: ${error.message}`
    yield { type: 'notice', sentence }
    return use
  }
}

const noteOf = (path: string) => join(dirname(path), '.source.json')

const note = z.object({ version: z.string().nullable(), sha256: z.string() })

/** Null where there is none, or one that is no longer what was downloaded. */
async function cachedAt(path: string): Promise<z.infer<typeof note> | null> {
  try {
    const cached = note.parse(JSON.parse(await readFile(noteOf(path), 'utf8')))
    return (await fileDigest(path)) === cached.sha256 ? cached : null
  } catch {
    return null
  }
}

async function isStill(url: string, version: string | null, settings: HubSettings) {
  if (version === null) return false
  const { ok, headers } = await ask(url, {}, settings.patience, 'HEAD')
  return ok && headers.get('etag') === version
}

function absent(url: string, reason: string): GraftError {
  return new GraftError(
    'bad-input',
    `${url}: is not in the cache, and ${reason}: download it elsewhere, and give the path of the file instead`,
  )
}
