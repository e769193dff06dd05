import { closing, type ImageStream } from '../data/image-stream.ts'
import { sequential } from '../nn/layers.ts'
import type { Architecture, PretrainingMethod } from '../pretraining/method.ts'
import { usualEpochs } from '../pretraining/methods.ts'
import { pixelNetwork } from '../pretraining/networks.ts'
import { designFor } from '../training/design.ts'
import { pixelsInput } from '../training/normalization.ts'
import {
  affordableEpochs,
  type Checkpoints,
  type Strategy,
  type StrategyEvent,
  type StrategyResult,
  type Task,
} from '../training/task.ts'
import { trainWhole } from '../training/train-whole.ts'
import { noChoices, type ReuseChoices } from './choices.ts'
import { costOf } from './cost.ts'
import { compareTrials } from './search.ts'
import { transfer } from './transfer.ts'

/** The share of the budget that pretraining may take; the rest is shared by two ways to use what it gives. */
const shareOfPretraining = 1 / 2
const shareOfUse = (1 - shareOfPretraining) / 2
/** In large batches of small images a plain network makes so many times the multiply-adds a second that budgets are counted in, and in small ones half as many. */
const speedInBatches = 5

/**
 * Pretrains a network on all images that may be seen, without their labels, and reuses it as any other: held-out images of a fold are seen too, and that gives
 * nothing away, since their labels are not.
 */
export function pretrained(
  method: PretrainingMethod,
  { choices = noChoices }: { readonly choices?: ReuseChoices },
): Strategy {
  const { name, needs } = method
  return {
    name,
    unavailable:
      needs === null
        ? null
        : `it learns from other labels than those that are wanted: run "graft pretrain ${name}" on images that have them, and give what it writes as --backbone`,
    async *run(task) {
      const architecture = designFor(task.nativeSize)
      const images = yield* task.pool(architecture.size)
      const work = pretrainAndReuse(task, method, architecture, images, choices)
      return yield* closing(images, work)
    },
  }
}

async function* pretrainAndReuse(
  task: Task,
  method: PretrainingMethod,
  architecture: Architecture,
  images: ImageStream,
  choices: ReuseChoices,
): AsyncGenerator<StrategyEvent, StrategyResult> {
  const { name, variants } = method
  const epochs = await epochsFor(task, method, architecture, images.count)
  const checkpoints = named(task.checkpoints, name)
  yield {
    type: 'decision',
    sentence: `${name} (${variants[0]}) on ${images.count} images for ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`,
    kept: true,
  }
  const { graph } = yield* method.pretrain({
    images,
    architecture,
    epochs,
    random: task.random.fork('pretraining'),
    runtime: task.runtime,
    checkpoints,
  })
  const provenance = {
    pretraining: `${name} ${variants[0]}`,
    architecture: architecture.name,
    images: String(images.count),
    epochs: String(epochs),
  }
  const reuse = transfer({
    backbone: { name, graph, provenance },
    normalization: null,
    pool: images,
    choices,
  })
  const own = { ...task, checkpoints, multiplyAdds: task.multiplyAdds * shareOfUse }
  const reused = yield* renamed(reuse.run(own), name)
  if (Object.values(choices).some((choice) => choice !== null)) return reused
  // Nobody's network but ours takes this: its layers are those that are trained from scratch.
  const whole = yield* trainWhole(
    { ...own, multiplyAdds: (own.multiplyAdds * speedInBatches) / 2 },
    { name: `${name}, all layers`, initial: graph.initializers },
  )
  const { kept, numbers } = compareTrials(task, reused, whole, false)
  const how = `all layers trained for ${whole.epochs} epochs, as from scratch, from the values that were learned`
  yield {
    type: 'decision',
    sentence: `${how}: ${numbers}: ${kept ? 'kept' : 'taken back'}`,
    kept,
  }
  if (!kept) return reused
  await reused.release?.()
  return {
    folds: whole.folds,
    losses: whole.losses,
    reusedUpTo: graph.outputs[0]?.name as string,
    thawedFrom: pixelsInput,
    async *train() {
      const model = yield* whole.train()
      return { ...model, provenance: { strategy: name, ...provenance, ...model.provenance } }
    },
  }
}

/** As many epochs as the method is worth and its share of the budget pays for, at least one. */
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
    { multiplyAdds: task.multiplyAdds * shareOfPretraining * speedInBatches },
    { perImage, images, runs: method.passes },
  )
  return Math.max(Math.min(Math.floor(affordable), usualEpochs(method, images)), 1)
}

/** Checkpoints that no other strategy has. */
function named({ load, save }: Checkpoints, name: string): Checkpoints {
  return {
    load: (key) => load(`${name}-${key}`),
    save: (key, value) => save(`${name}-${key}`, value),
  }
}

/** What the reuse of a backbone says and gives, under the name of where the backbone comes from. */
async function* renamed(
  events: AsyncGenerator<StrategyEvent, StrategyResult>,
  name: string,
): AsyncGenerator<StrategyEvent, StrategyResult> {
  const result = yield* inPhasesOf(name, events)
  return {
    ...result,
    async *train() {
      const model = yield* inPhasesOf(name, result.train())
      return { ...model, provenance: { ...model.provenance, strategy: name } }
    },
  }
}

/** Events of a transfer with phases that begin with another name. */
async function* inPhasesOf<R>(
  name: string,
  events: AsyncGenerator<StrategyEvent, R>,
): AsyncGenerator<StrategyEvent, R> {
  for (;;) {
    const { done, value } = await events.next()
    if (done) return value
    yield 'phase' in value ? { ...value, phase: value.phase.replace(/^transfer\b/, name) } : value
  }
}
