import { basename } from 'node:path'
import type { ImageStream } from '../data/image-stream.ts'
import type { Graph } from '../graph/graph.ts'
import { forChannels, type Normalization, takePixels } from '../training/normalization.ts'
import type { Strategy } from '../training/task.ts'
import { cutBackbone } from './backbone.ts'
import { affordableViews } from './cached-features.ts'
import { noChoices, type ReuseChoices } from './choices.ts'
import { chooseNormalization } from './choose-normalization.ts'
import { findReuse } from './find-reuse.ts'
import { frozenEnd, topBlocks } from './reuse.ts'
import { unlabelledOf } from './unlabelled.ts'

export type TransferOptions = {
  /** The network to reuse; null where there is none. */
  readonly backbone: {
    readonly name: string
    readonly graph: Graph
    /** What the metadata of the model say of it; default: its name. */
    readonly provenance?: Readonly<Record<string, string>>
  } | null
  /** The normalization where the user gives it, or a file that belongs to the backbone. */
  readonly normalization: Normalization | null
  /** Default: all choices are left to the search. */
  readonly choices?: ReuseChoices
  /** Images without labels that the output layer may learn from too, at the size that the network takes; default none. */
  readonly pool?: ImageStream
}

/**
 * Reuses a network as far as the folds prefer: a new output layer on its frozen features, computed once for all depths; then step by step
 * with layers thawed, dropped, replaced or added, each step kept only where it gains more than noise.
 */
export function transfer({
  backbone: given,
  normalization: fixed,
  choices = noChoices,
  pool,
}: TransferOptions): Strategy {
  return {
    name: 'transfer',
    needsBackbone: true,
    unavailable: given ? null : 'no backbone was given: name one with --backbone FILE.onnx',
    async *run(task) {
      const { graph: model, name, provenance: origin } = given as NonNullable<typeof given>
      const backbone = await cutBackbone(model, task.runtime)
      const { image } = backbone
      const images = yield* task.images(image)
      const normalization = fixed
        ? forChannels(fixed, image.channels)
        : yield* chooseNormalization(backbone, backbone.graph.metadata, images, task)
      if (fixed) yield { type: 'decision', sentence: `normalization: ${fixed.name}`, kept: true }
      const views = await affordableViews(task, takePixels(backbone.graph, image, normalization))
      const network = takePixels(backbone.open, image, normalization)
      const unlabelled = pool ? await unlabelledOf(task, network, pool, images) : null
      const best = yield* findReuse(backbone, { task, network, images, unlabelled, views }, choices)
      const { depth, thawed, head } = best.reuse
      const { height, width, channels } = image
      return {
        folds: best.folds,
        losses: best.losses,
        reusedUpTo: depth.name,
        thawedFrom: thawed > 0 ? (frozenEnd(best.reuse) ?? image.input) : null,
        async *train() {
          const provenance = {
            strategy: 'transfer',
            ...(origin ?? { backbone: basename(name) }),
            cut: depth.name,
            normalization: normalization.name,
            thawed: thawed > 0 ? topBlocks(depth, thawed) : 'nothing',
            ...(head === 'propagated' && { unlabelled: String(unlabelled?.count) }),
          }
          const { graph, trained } = yield* best.train()
          const frozen = new Map(
            [...model.initializers].filter(
              ([name]) => graph.initializers.has(name) && !trained.has(name),
            ),
          )
          return { graph, size: { height, width, channels }, provenance, frozen }
        },
        release: () => best.release(),
      }
    },
  }
}
