import { basename } from 'node:path'
import type { BackboneEvent, ResolvedBackbone } from '../backbones/backbone.ts'
import { defaultBackbone, type Need } from '../backbones/default-backbone.ts'
import { resolveBackbone } from '../backbones/resolve.ts'
import type { Graph } from '../graph/graph.ts'
import { readModelFile } from '../graph/read-file.ts'
import { licenseKey } from '../training/exported-model.ts'
import type { Normalization } from '../training/normalization.ts'
import { withImageSize } from '../transfer/image-input.ts'
import type { BackboneRecord, RunRecord } from './record.ts'

/** A backbone as it was found and read. */
export type OpenedBackbone = {
  readonly graph: Graph
  /** What the files beside it say; null where they say nothing, and where the network takes pixels as they are. */
  readonly normalization: Normalization | null
  readonly digest: string
  readonly record: BackboneRecord
  /** What the metadata of models say that were made from it. */
  readonly provenance: Readonly<Record<string, string>>
}

/** For the backbone of a configuration: whichever of the default ones suits. */
export const anyBackbone = 'auto'

/**
 * Finds the backbone of a run and reads it. One that was downloaded is named, with its licence.
 *
 * @param spec a path, an address, a name on the hub, or "auto"
 * @param began the record of the same run where it is resumed: then it is the very same backbone again
 * @returns also why there is none
 */
export async function* openBackbone(
  spec: string | null,
  need: Need,
  began: RunRecord | null,
): AsyncGenerator<BackboneEvent, { backbone: OpenedBackbone | null; missing: string | null }> {
  const same = began ? (began.backbone?.spec ?? null) : spec
  if (same === null) return { backbone: null, missing: null }
  const found =
    same === anyBackbone
      ? yield* defaultBackbone(need)
      : yield* resolveBackbone(same, undefined, began?.backboneDigest)
  if ('missing' in found) return { backbone: null, missing: found.missing }
  return { backbone: yield* readBackbone(found), missing: null }
}

/** Reads a backbone that was found, for images of the size that it was trained on where it leaves that open. */
export async function* readBackbone(
  found: ResolvedBackbone,
): AsyncGenerator<BackboneEvent, OpenedBackbone> {
  const { name, spec, path, digest, revision, size } = found
  const isDownloaded = path !== spec
  const model = await readModelFile(path)
  const license = found.license ?? model.metadata[licenseKey] ?? null
  if (isDownloaded) {
    const version = revision === null ? '' : `, commit ${revision.slice(0, 7)}`
    const terms = license ?? 'not stated, so look it up before you pass on what is made of it'
    yield { type: 'notice', sentence: `backbone: ${name}${version}; licence: ${terms}` }
  }
  const takesPixels = model.inputs[0]?.type === 'uint8'
  return {
    graph: size ? withImageSize(model, size) : model,
    normalization: takesPixels ? null : found.normalization,
    digest,
    record: { name, spec, revision, license },
    provenance: {
      backbone: revision === null ? basename(name) : name,
      ...(revision !== null && { backbone_revision: revision }),
      ...(license !== null && { backbone_license: license }),
    },
  }
}
