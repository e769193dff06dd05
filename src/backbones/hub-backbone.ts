import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { GraftError, inFile } from '../errors.ts'
import { fileDigest } from '../files.ts'
import { externalFiles } from '../graph/external-files.ts'
import { asProgress } from '../training/task.ts'
import type { BackboneEvent, ResolvedBackbone } from './backbone.ts'
import { chooseFile } from './choose-file.ts'
import { Unreachable } from './connection.ts'
import { isIntact } from './digest.ts'
import { download } from './download.ts'
import { type HubFile, hubHeaders, type Repository, refusal } from './hub.ts'
import { firstOf, type Preparation, preparationFiles } from './preparation.ts'
import { absent, openRepository, repositoryFolder } from './repository.ts'
import type { HubSettings } from './settings.ts'
import type { HubSpec } from './spec.ts'

/**
 * Finds a backbone on the Hugging Face hub: the ONNX file, the files that it keeps weights in, and what is said of how it wants its images.
 * Files come from the cache where they are whole there.
 *
 * @throws GraftError `bad-input` where it cannot be had, with what to do
 */
export async function* hubBackbone(
  spec: HubSpec,
  settings: HubSettings,
): AsyncGenerator<BackboneEvent, ResolvedBackbone> {
  const repository = yield* openRepository(spec, settings)
  const { name, commit, license } = repository
  const file = chooseFile(
    name,
    repository.files.map(({ path }) => path),
    spec.file,
  )
  const path = yield* fetchFile(repository, file, settings)
  const folder = posix.dirname(file)
  const external = await inFile(`${name}: ${file}`, async () => externalFiles(await readFile(path)))
  for (const location of external) {
    yield* fetchFile(repository, posix.join(folder, location), settings)
  }
  return {
    name,
    spec: `${name}@${commit}:${file}`,
    path,
    digest: await fileDigest(path),
    revision: commit,
    license,
    ...(yield* preparationBeside(repository, folder, settings)),
  }
}

/** What the files beside the network say, or else those at the top of the repository. */
async function* preparationBeside(
  repository: Repository,
  folder: string,
  settings: HubSettings,
): AsyncGenerator<BackboneEvent, Preparation> {
  const found: Preparation[] = []
  for (const place of new Set([folder, '.'])) {
    for (const [file, read] of Object.entries(preparationFiles)) {
      const path = posix.join(place, file)
      if (!repository.files.some((entry) => entry.path === path)) continue
      found.push(read(await readFile(yield* fetchFile(repository, path, settings), 'utf8')))
    }
  }
  return firstOf(found)
}

/** The path of a file of a repository on the disk, where it is brought first unless it is there. */
async function* fetchFile(
  { name, commit, files }: Repository,
  path: string,
  settings: HubSettings,
): AsyncGenerator<BackboneEvent, string> {
  const file = files.find((entry) => entry.path === path)
  if (!file) throw new GraftError('bad-input', `${name}: lacks "${path}", which its network needs`)
  const target = join(repositoryFolder(settings, name), commit, path)
  if (await isIntact(target, file.size, file.digest)) return target
  const isDamaged = existsSync(target)
  const spec = { repository: name, revision: commit, file: path }
  if (settings.isOffline) {
    const state = isDamaged ? 'the cached file is damaged' : 'the file was never downloaded'
    throw absent(spec, `Graft is offline, and ${state}`)
  }
  if (isDamaged) {
    yield {
      type: 'notice',
      sentence: `${name}: ${path} is damaged in the cache and downloaded anew`,
    }
  }
  try {
    yield* bring(name, commit, file, target, settings)
    return target
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    throw absent(spec, `${settings.endpoint} cannot be reached: ${error.message}`)
  }
}

async function* bring(
  name: string,
  commit: string,
  { path, size, digest }: HubFile,
  target: string,
  settings: HubSettings,
): AsyncGenerator<BackboneEvent, void> {
  const steps = download(
    {
      name: `${name}: ${path}`,
      url: `${settings.endpoint}/${name}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`,
      headers: hubHeaders(settings),
      target,
      known: { size, digest },
      refuse: (response) => refusal(response, name, commit, settings),
    },
    settings.patience,
  )
  yield* asProgress(`downloading ${name}: ${path}`, steps)
}
