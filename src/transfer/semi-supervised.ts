import { closing, type ImageStream } from '../data/image-stream.ts'
import type { Images } from '../data/pixels.ts'
import { mapEvents } from '../events.ts'
import type { Graph } from '../graph/graph.ts'
import type { Labels, PretrainingMethod } from '../pretraining/method.ts'
import { variantName } from '../pretraining/methods.ts'
import { mean } from '../statistics/summaries.ts'
import { designFor } from '../training/design.ts'
import {
  type Normalization,
  normalizationFromMetadata,
  takePixels,
} from '../training/normalization.ts'
import {
  named,
  type Strategy,
  type StrategyEvent,
  type StrategyResult,
  type Task,
} from '../training/task.ts'
import { orAllLayers } from './all-layers.ts'
import { cutBackbone } from './backbone.ts'
import { affordableViews, cacheFeatures } from './cached-features.ts'
import { areMade, noChoices, type ReuseChoices } from './choices.ts'
import { type Depth, featuresAt } from './depths.ts'
import { withHead } from './head.ts'
import { inPhasesOf, shareOfPretraining, shareOfUse } from './pretrained.ts'
import { type PretrainedBackbone, pretrainOn, speedInSmallBatches } from './pretrained-backbone.ts'
import { describeRegularization, type ProbeInput, probeAll, probeFolds } from './probe.ts'
import { labelledRows } from './unlabelled.ts'

/** Learns a network from the labels of the training part of a fold, or from all (null). */
type Learner = (
  pool: ImageStream,
  fold: number | null,
) => AsyncGenerator<StrategyEvent, PretrainedBackbone>

/**
 * Pretrains on all images that may be seen and on the labels that are wanted at once: a network for every fold of the first repeat, from the labels
 * of its training part alone, and one from all labels in the end. The folds have no layers in common whose depths could be compared: an output layer is put on
 * the last features, or all layers are trained on, whichever the folds prefer.
 */
export function semiSupervised(
  method: PretrainingMethod,
  variant: string,
  choices: ReuseChoices = noChoices,
): Strategy {
  const name = variantName(method, variant)
  return {
    name,
    unavailable: areMade(choices)
      ? 'each of its folds has a network of its own, of which the last features are reused: run it without --reuse, --thaw, --thaw-rate, --head, --new-blocks and --statistics'
      : null,
    async *run(given) {
      const folds = given.folds.filter(({ repeat }) => repeat === 0)
      const task = { ...given, folds, checkpoints: named(given.checkpoints, name) }
      const architecture = designFor(task.nativeSize)
      const images = yield* task.images(architecture.size)
      const learn = learner(task, method, variant, images)
      const pool = yield* task.pool(architecture.size)
      return yield* closing(pool, learnAndUse(task, name, images, pool, learn))
    },
  }
}

function learner(task: Task, method: PretrainingMethod, variant: string, images: Images): Learner {
  const { classes, folds, labels } = task
  const architecture = designFor(task.nativeSize)
  const multiplyAdds = (task.multiplyAdds * shareOfPretraining) / (folds.length + 1)
  const learned = new Map<number | null, PretrainedBackbone>()
  return async function* (pool, fold) {
    const known = learned.get(fold)
    if (known) return known
    const key = fold === null ? 'all' : `fold-${fold}`
    const held = new Set(fold === null ? [] : folds[fold]?.validation)
    const shown: Labels = {
      classes,
      labels: Int32Array.from(labelledRows(pool, images), (row) =>
        row < 0 || held.has(row) ? -1 : (labels[row] as number),
      ),
    }
    const work = pretrainOn(
      { ...task, multiplyAdds, checkpoints: named(task.checkpoints, key) },
      method,
      { images: pool, architecture, variant, labels: shown },
    )
    const phase = `${variantName(method, variant)}, ${describe(task, fold)}`
    const backbone = yield* mapEvents(work, (event) => {
      // What is decided is the same for all.
      if (event.type === 'decision' && fold !== 0) return null
      return 'phase' in event ? { ...event, phase: event.phase.replace(method.name, phase) } : event
    })
    learned.set(fold, backbone)
    return backbone
  }
}

const describe = ({ folds }: Task, fold: number | null) =>
  fold === null ? 'all labels' : `fold ${fold + 1} of ${folds.length}`

async function* learnAndUse(
  task: Task,
  name: string,
  images: Images,
  pool: ImageStream,
  learn: Learner,
): AsyncGenerator<StrategyEvent, StrategyResult> {
  const onAll = async function* () {
    const again = yield* task.pool(images)
    return yield* closing(again, learn(again, null))
  }
  const multiplyAdds = task.multiplyAdds * shareOfUse
  const ofEach = { ...task, multiplyAdds: multiplyAdds / (task.folds.length + 1) }
  const read = ({ graph }: PretrainedBackbone, fold: number | null) =>
    inPhasesOf(`${name}, ${describe(task, fold)}`, lastFeatures(ofEach, graph, images))
  const networks: PretrainedBackbone[] = []
  const inputs: ProbeInput[] = []
  for (const fold of task.folds.keys()) {
    const network = yield* learn(pool, fold)
    networks.push(network)
    inputs.push((yield* read(network, fold)).input)
  }
  const [{ graph, provenance }] = networks as [PretrainedBackbone]
  const probe = yield* inPhasesOf(
    name,
    probeFolds(task, (fold) => inputs[fold] as ProbeInput),
  )
  const { folds, losses, regularization } = probe
  yield {
    type: 'decision',
    sentence: `a network for each of ${folds.length} folds, from the labels of its training part alone, and a new output layer on its last features (${describeRegularization(regularization)}): ${mean(folds.map(({ accuracy }) => accuracy)).toFixed(3)}`,
    kept: true,
  }
  const reusedUpTo = graph.outputs[0]?.name as string
  const reused: StrategyResult = {
    folds,
    losses,
    reusedUpTo,
    thawedFrom: null,
    async *train() {
      const { network, top, input } = yield* read(yield* onAll(), null)
      const head = yield* inPhasesOf(name, probeAll(task, input, regularization))
      const model = withHead(featuresAt(network, [top]), top.features, task.classes.length, head)
      const { height, width, channels } = images
      return {
        graph: model,
        size: { height, width, channels },
        provenance: { strategy: name, ...provenance },
      }
    },
  }
  return yield* orAllLayers({ ...task, multiplyAdds: multiplyAdds * speedInSmallBatches }, reused, {
    name,
    reusedUpTo,
    provenance,
    async *initial(fold) {
      const { graph: own } = fold === null ? yield* onAll() : (networks[fold] as PretrainedBackbone)
      return own.initializers
    },
  })
}

/** The last features of a network of our own for images, and where it has them. */
async function* lastFeatures(
  task: Task,
  graph: Graph,
  images: Images,
): AsyncGenerator<
  StrategyEvent,
  { readonly network: Graph; readonly top: Depth; readonly input: ProbeInput }
> {
  const { open, image, depths } = await cutBackbone(graph, task.runtime)
  // A network of our own says what it takes.
  const normalization = normalizationFromMetadata(open.metadata, image.channels) as Normalization
  const network = takePixels(open, image, normalization)
  const top = depths.at(-1) as Depth
  const views = await affordableViews(task, network)
  const cached = yield* cacheFeatures(task, network, [top], images, { least: 1, views })
  const input = { kind: 'linear', features: cached.at(top), widths: [top.features] } as const
  return { network, top, input }
}
