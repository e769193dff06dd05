import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { GraftError } from '../errors.ts'
import { writeFileAtomic } from '../files.ts'
import type { BackboneEvent } from './backbone.ts'
import { Unreachable } from './connection.ts'
import { asUnwritable } from './download.ts'
import { askCommit, askRepository, type Repository } from './hub.ts'
import type { HubSettings } from './settings.ts'
import type { HubSpec } from './spec.ts'

/** Where the files of a repository are kept: the hub, the name, and a folder for each commit. */
export function repositoryFolder({ cache, endpoint }: HubSettings, name: string): string {
  const hub = endpoint.replace(/^https?:\/\//, '').replace(/[^\w.-]/g, '-')
  return join(cache, 'hub', hub, ...name.split('/'))
}

const commitForm = /^[0-9a-f]{40}$/

/**
 * What the hub keeps under a name: asked for, or read from the cache where the commit is known or the hub cannot be reached. A branch is
 * then the commit that it was when it was last asked for.
 *
 * @throws GraftError `bad-input` where neither can be had, with what to do
 */
export async function* openRepository(
  spec: HubSpec,
  settings: HubSettings,
): AsyncGenerator<BackboneEvent, Repository> {
  const { repository: name } = spec
  const revision = spec.revision ?? 'main'
  const folder = repositoryFolder(settings, name)
  if (commitForm.test(revision)) {
    const known = await readListing(folder, revision)
    if (known) return known
  }
  const last = async () => readListing(folder, await readCommit(folder, revision))
  if (settings.isOffline) {
    const known = await last()
    if (!known) throw absent(spec, 'Graft is offline (HF_HUB_OFFLINE or GRAFT_OFFLINE is set)')
    return known
  }
  try {
    const { commit, card } = await askCommit(name, revision, settings)
    const listing =
      (await readListing(folder, commit)) ?? (await askRepository(name, commit, card, settings))
    await keep(join(folder, commit, listingFile), JSON.stringify(listing))
    await keep(join(folder, refFile(revision)), commit)
    return listing
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    const known = await last()
    const reason = `${settings.endpoint} cannot be reached: ${error.message}`
    if (!known) throw absent(spec, reason)
    const sentence = `${name}@${revision}: commit ${known.commit.slice(0, 7)} of it is used, as it was when last asked for (${reason})`
    yield { type: 'notice', sentence }
    return known
  }
}

/** The error where a backbone is not in the cache and cannot be downloaded. */
export function absent({ repository, file }: HubSpec, reason: string): GraftError {
  return new GraftError(
    'bad-input',
    `${repository}: is not in the cache, and ${reason}: download ${file ?? 'its ONNX file'} elsewhere, and give the path of that file instead`,
  )
}

const listingFile = '.listing.json'
const refFile = (revision: string) => join('refs', encodeURIComponent(revision))

const listing = z.object({
  name: z.string(),
  commit: z.string().regex(commitForm),
  license: z.string().nullable(),
  files: z.array(
    z.object({
      path: z.string(),
      size: z.int().nonnegative(),
      digest: z.object({ algorithm: z.enum(['sha256', 'git']), hex: z.string() }),
    }),
  ),
})

/** Null where it is not there or damaged: it is asked for again then. */
async function readListing(folder: string, commit: string): Promise<Repository | null> {
  try {
    const text = await readFile(join(folder, commit, listingFile), 'utf8')
    return listing.parse(JSON.parse(text))
  } catch {
    return null
  }
}

async function readCommit(folder: string, revision: string): Promise<string> {
  return readFile(join(folder, refFile(revision)), 'utf8').catch(() => '')
}

async function keep(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFileAtomic(path, text)
  } catch (cause) {
    throw asUnwritable(path, cause)
  }
}
