import { basename } from 'node:path'
import { GraftError } from '../errors.ts'
import type { Graph } from '../graph/graph.ts'
import { comparePaired, type PairedComparison } from '../statistics/paired.ts'
import { imageExamples } from '../training/examples.ts'
import { computeFeatures } from '../training/features.ts'
import { forChannels, type Normalization, takePixels } from '../training/normalization.ts'
import {
  asProgress,
  type FoldResult,
  type Strategy,
  type StrategyEvent,
  type Task,
} from '../training/task.ts'
import { cutBackbone } from './backbone.ts'
import { chooseNormalization } from './choose-normalization.ts'
import { costOf } from './cost.ts'
import { withHead } from './head.ts'
import { probeAll, probeFolds } from './probe.ts'
import { augmentation, createTuner, type Tuner, tuneFolds, tuningRate } from './tune.ts'

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
 * Reuses a network: a new output layer on its frozen features, computed once; then the same with all layers thawed at a low rate, starting
 * from that output layer (LP-FT; Kumar et al., 2022). The folds decide which of the two is kept.
 */
export function transfer({ backbone: given, normalization: fixed }: TransferOptions): Strategy {
  return {
    name: 'transfer',
    unavailable: given ? null : 'no backbone was given: name one with --backbone FILE.onnx',
    async *run(task) {
      const { graph: model, name, provenance: origin } = given as NonNullable<typeof given>
      const backbone = await cutBackbone(model, task.runtime)
      const { image, graph, cut, features: columns } = backbone
      const images = yield* task.images(image)
      const normalization = fixed
        ? forChannels(fixed, image.channels)
        : yield* chooseNormalization(backbone, graph.metadata, images, task)
      if (fixed) yield { type: 'decision', sentence: `normalization: ${fixed.name}`, kept: true }
      const network = takePixels(graph, image, normalization)
      const views = {
        count: await affordableViews(task, network),
        random: task.random.fork('views'),
      }
      const features = yield* asProgress(
        'transfer, features',
        computeFeatures(network, imageExamples(images, augmentation), task.runtime, { views }),
      )
      const probe = yield* probeFolds(task, features)
      const tuner = await tunerOrReason(() => createTuner(task, network, columns, images))
      const tuned = 'reason' in tuner ? null : yield* tuneFolds(task, tuner, probe.heads)
      const comparison = tuned && compareFolds(task, tuned.folds, probe.folds)
      const better = tuned !== null && comparison?.reliable === true && comparison.difference > 0
      yield decision(tuner, probe.accuracy, comparison, better)

      const { height, width, channels } = image
      return {
        folds: better ? tuned.folds : probe.folds,
        reusedUpTo: cut,
        thawedFrom: better ? image.input : null,
        async *train() {
          const head = yield* probeAll(task, features, probe.regularization)
          const provenance = {
            strategy: 'transfer',
            ...(origin ?? { backbone: basename(name) }),
            cut,
            normalization: normalization.name,
            thawed: better ? 'everything' : 'nothing',
          }
          const size = { height, width, channels }
          if (!better || 'reason' in tuner) {
            const complete = withHead(network, columns, task.classes.length, head)
            return { graph: complete, size, provenance }
          }
          const rows = Array.from(task.labels, (_, row) => row)
          const random = task.random.fork('transfer')
          const phase = 'transfer, all layers thawed, all labels'
          const { graph: complete } = yield* tuner.fit(phase, head, rows, [], random)
          return { graph: complete, size, provenance }
        },
        async release() {
          if (!('reason' in tuner)) await tuner.release()
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

/** A backbone that cannot be trained still gives features. */
async function tunerOrReason(
  create: () => Promise<Tuner>,
): Promise<Tuner | { readonly reason: string }> {
  try {
    return await create()
  } catch (error) {
    if (error instanceof GraftError && error.code === 'unsupported')
      return { reason: error.message }
    throw error
  }
}

/** One standard error: what a thawed network has to gain to be worth the risk. */
const oneStandardError = 0.6827

function compareFolds(
  { folds }: Task,
  tuned: readonly FoldResult[],
  probed: readonly FoldResult[],
): PairedComparison {
  const scores = (results: readonly FoldResult[]) => results.map(({ accuracy }) => accuracy)
  const [first] = folds as [Task['folds'][number]]
  const testToTrain = first.validation.length / first.train.length
  return comparePaired(scores(tuned), scores(probed), { testToTrain, confidence: oneStandardError })
}

function decision(
  tuner: Tuner | { readonly reason: string },
  before: number,
  comparison: PairedComparison | null,
  kept: boolean,
): StrategyEvent {
  if ('reason' in tuner || !comparison) {
    const reason = 'reason' in tuner ? tuner.reason : ''
    return { type: 'decision', sentence: `all layers stay frozen: ${reason}`, kept: false }
  }
  const { difference, high } = comparison
  const points = (value: number) => (100 * value).toFixed(1)
  const sentence =
    `thawed all layers at ${tuningRate} for ${tuner.epochs} epochs: ` +
    `${before.toFixed(3)} -> ${(before + difference).toFixed(3)}, ` +
    `${difference >= 0 ? '+' : ''}${points(difference)} +- ${points(high - difference)} points: ${kept ? 'kept' : 'taken back'}`
  return { type: 'decision', sentence, kept }
}
