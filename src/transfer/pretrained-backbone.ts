import type { DataEvent } from '../data/decode-images.ts'
import { closing, type ImageStream } from '../data/image-stream.ts'
import type { Size } from '../data/pixels.ts'
import type { StreamedItems } from '../data/stream-items.ts'
import type { Graph } from '../graph/graph.ts'
import { sequential } from '../nn/layers.ts'
import type {
  Architecture,
  PretrainingMethod,
  PretrainingOptions,
  Rule,
} from '../pretraining/method.ts'
import { countLearned, usualEpochs } from '../pretraining/methods.ts'
import { pixelNetwork } from '../pretraining/networks.ts'
import { costOf } from '../training/cost.ts'
import { affordableEpochs, type StrategyEvent, type Task } from '../training/task.ts'

/** Labels that are easy to get, for the methods that learn from them. */
export type EasyLabels = {
  /** Other images with classes of their own; what is decoded is to be closed. Null where there are none. */
  readonly related: {
    readonly classes: readonly string[]
    decode(size: Size): AsyncGenerator<DataEvent, StreamedItems>
  } | null
  readonly rule: Rule | null
}

export type PretrainedBackbone = {
  readonly graph: Graph
  /** What the metadata of a model that reuses it say of how it came about. */
  readonly provenance: Readonly<Record<string, string>>
}

/** In large batches of small images a plain network makes so many times the multiply-adds a second that budgets are counted in. */
const speedInLargeBatches = 5
/** The same in batches of the few images with labels. */
export const speedInSmallBatches = 2.5

/**
 * Pretrains a network by a method for as many epochs as it is worth and the budget of the task pays for, at least one.
 *
 * @param pool all images that may be seen without the labels that are wanted: what a method learns from that needs no others
 */
export async function* pretrainBackbone(
  task: Task,
  method: PretrainingMethod,
  variant: string,
  architecture: Architecture,
  pool: ImageStream,
  { related, rule }: EasyLabels,
): AsyncGenerator<StrategyEvent, PretrainedBackbone> {
  const learn = (images: ImageStream, given: Pick<PretrainingOptions, 'labels' | 'rule'>) =>
    pretrainOn(task, method, { images, architecture, variant, ...given })
  if (method.needs !== 'labels' || !related) return yield* learn(pool, { ...(rule && { rule }) })
  const { images, labels } = yield* related.decode(architecture.size)
  return yield* closing(images, learn(images, { labels: { classes: related.classes, labels } }))
}

type Given = Required<Pick<PretrainingOptions, 'variant'>> &
  Pick<PretrainingOptions, 'images' | 'architecture' | 'labels' | 'rule'>

/** The same on images that are at hand, with the labels that may be learned from. */
export async function* pretrainOn(
  task: Task,
  method: PretrainingMethod,
  given: Given,
): AsyncGenerator<StrategyEvent, PretrainedBackbone> {
  const { name, needs } = method
  const { architecture, variant } = given
  const images = await countLearned(method, given)
  const epochs = await epochsFor(task, method, architecture, images)
  const what = needs === 'labels' ? 'other images with labels of their own' : 'images'
  yield {
    type: 'decision',
    sentence: `${name} (${variant}) on ${images} ${what} for ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`,
    kept: true,
  }
  const { graph } = yield* method.pretrain({
    ...given,
    epochs,
    random: task.random.fork('pretraining'),
    runtime: task.runtime,
    checkpoints: task.checkpoints,
  })
  const provenance = {
    pretraining: `${name} ${variant}`,
    architecture: architecture.name,
    images: String(images),
    epochs: String(epochs),
  }
  return { graph, provenance }
}

async function epochsFor(
  task: Task,
  method: PretrainingMethod,
  { size, trunk }: Architecture,
  images: number,
): Promise<number> {
  const graph = pixelNetwork(size, task.random, (network, x) => [
    sequential(trunk)(network, x, '').name,
  ])
  const perImage = await costOf(task, graph)
  const affordable = affordableEpochs(
    { multiplyAdds: task.multiplyAdds * speedInLargeBatches },
    { perImage, images, runs: method.passes },
  )
  return Math.max(Math.min(Math.floor(affordable), usualEpochs(method, images)), 1)
}
