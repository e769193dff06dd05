import { basename } from 'node:path'
import type { Graph } from '../graph/graph.ts'
import { forChannels, type Normalization, takePixels } from '../training/normalization.ts'
import type { Strategy, Task } from '../training/task.ts'
import { cutBackbone } from './backbone.ts'
import { chooseDepth } from './choose-depth.ts'
import { chooseNormalization } from './choose-normalization.ts'
import { costOf } from './cost.ts'
import { withHead } from './head.ts'
import { probeAll } from './probe.ts'
import { thaw } from './thaw.ts'

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
}

/**
 * Reuses a network as far as the folds prefer: a new output layer on its frozen features, computed once; then with its upper layers thawed
 * at a low rate, where that gains more than noise.
 */
export function transfer({ backbone: given, normalization: fixed }: TransferOptions): Strategy {
  return {
    name: 'transfer',
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
      const network = takePixels(backbone.open, image, normalization)
      const views = {
        count: await affordableViews(task, takePixels(backbone.graph, image, normalization)),
        random: task.random.fork('views'),
      }
      const reused = yield* chooseDepth(task, backbone, network, images, views)
      const { depth, graph, features, probe } = reused
      const thawed = yield* thaw(task, backbone, reused, images, views)

      const { height, width, channels } = image
      return {
        folds: thawed?.folds ?? probe.folds,
        reusedUpTo: depth.name,
        thawedFrom: thawed ? (thawed.from ?? image.input) : null,
        async *train() {
          const head = yield* probeAll(task, features, probe.regularization)
          const provenance = {
            strategy: 'transfer',
            ...(origin ?? { backbone: basename(name) }),
            cut: depth.name,
            normalization: normalization.name,
            thawed: thawed?.what ?? 'nothing',
          }
          const size = { height, width, channels }
          if (!thawed) {
            const complete = withHead(graph, depth.features, task.classes.length, head)
            return { graph: complete, size, provenance }
          }
          const rows = Array.from(task.labels, (_, row) => row)
          const random = task.random.fork('transfer')
          const phase = `transfer, ${thawed.what} thawed, all labels`
          const { graph: complete } = yield* thawed.tuner.fit(phase, head, rows, [], random)
          return { graph: complete, size, provenance }
        },
        async release() {
          await thawed?.tuner.release()
        },
      }
    },
  }
}

/** Further views of every image: as many as a tenth of the budget pays for, and no more than help. */
async function affordableViews(task: Task, network: Graph): Promise<number> {
  const cost = await costOf(task, network)
  return Math.min(Math.floor(task.multiplyAdds / (10 * cost * task.labels.length)), 4)
}
