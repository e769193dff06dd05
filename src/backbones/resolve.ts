import { readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileDigest } from '../files.ts'
import { unreadable } from '../graph/read-file.ts'
import type { BackboneEvent, ResolvedBackbone } from './backbone.ts'
import { hubBackbone } from './hub-backbone.ts'
import { firstOf, type Preparation, preparationFiles } from './preparation.ts'
import { type HubSettings, hubSettings } from './settings.ts'
import { parseSpec } from './spec.ts'
import { urlBackbone } from './url-backbone.ts'

/**
 * Finds the network that `--backbone` names: a file, an `http(s)` address, or `owner/name[@revision][:file.onnx]` on the Hugging Face hub.
 * What is downloaded is kept, and checked whenever it is used again.
 *
 * @param settings default: those of the environment
 * @param digest the SHA-256 of the file where it is known from before
 * @returns where the file is on the disk, and what is known of it
 * @throws GraftError `bad-input` with what to do where it cannot be had
 */
export async function* resolveBackbone(
  spec: string,
  settings: HubSettings = hubSettings(),
  digest: string | null = null,
): AsyncGenerator<BackboneEvent, ResolvedBackbone> {
  const parsed = parseSpec(spec, settings.endpoint)
  if (parsed.kind === 'hub') return yield* hubBackbone(parsed, settings)
  if (parsed.kind === 'url') return yield* urlBackbone(parsed.url, settings, digest)
  const { path } = parsed
  return {
    name: path,
    spec: path,
    path,
    digest: await digestOf(path),
    revision: null,
    license: null,
    ...(await preparationBeside(path)),
  }
}

/** What the files say that somebody downloaded along with a network; the hub keeps them above a folder `onnx`. */
async function preparationBeside(path: string): Promise<Preparation> {
  const folder = dirname(resolve(path))
  const folders = basename(folder) === 'onnx' ? [folder, dirname(folder)] : [folder]
  const texts = folders.flatMap((place) =>
    Object.entries(preparationFiles).map(async ([file, read]) =>
      read(await readFile(join(place, file), 'utf8').catch(() => '')),
    ),
  )
  return firstOf(await Promise.all(texts))
}

async function digestOf(path: string): Promise<string> {
  try {
    return await fileDigest(path)
  } catch (cause) {
    throw unreadable(path, cause)
  }
}
