import { closing, type ImageStream } from '../data/image-stream.ts'
import { mapEvents } from '../events.ts'
import type { Architecture, PretrainingMethod } from '../pretraining/method.ts'
import { variantName } from '../pretraining/methods.ts'
import { backboneOf } from '../pretraining/networks.ts'
import { designFor } from '../training/design.ts'
import {
  named,
  type Strategy,
  type StrategyEvent,
  type StrategyResult,
  type Task,
} from '../training/task.ts'
import { orAllLayers } from './all-layers.ts'
import { cutBackbone } from './backbone.ts'
import { areMade, noChoices, type ReuseChoices, resolveChoices } from './choices.ts'
import { type EasyLabels, pretrainBackbone, speedInSmallBatches } from './pretrained-backbone.ts'
import { transfer } from './transfer.ts'

export type PretrainedOptions = {
  /** One of the method's variants, not a semi-supervised one; default its first. */
  readonly variant?: string
  /** Default: all choices are left to the search. */
  readonly choices?: ReuseChoices
  /** Default: none. */
  readonly easyLabels?: EasyLabels
}

/** The share of the budget that pretraining may take; the rest is shared by two ways to use what it gives. */
export const shareOfPretraining = 1 / 2
export const shareOfUse = (1 - shareOfPretraining) / 2

/** What is to be done where a method has not got what it needs. */
const advice = {
  labels:
    'give a folder of class folders with images other than those whose labels are wanted, as --related',
  rule: 'give a module that makes a label of an image, as --rule',
} as const

const noLabels: EasyLabels = { related: null, rule: null }

/**
 * Pretrains a network on all images that may be seen, without their labels, or on labels that are easy to get, and reuses it as any other: held-out images
 * of a fold are seen too, and that gives nothing away, since their labels are not.
 */
export function pretrained(
  method: PretrainingMethod,
  { variant = method.variants[0], choices = noChoices, easyLabels = noLabels }: PretrainedOptions,
): Strategy {
  const { needs } = method
  const name = variantName(method, variant)
  const has = { labels: easyLabels.related !== null, rule: easyLabels.rule !== null }
  return {
    name,
    unavailable:
      needs === null || has[needs]
        ? null
        : `it learns from labels that are easy to get: ${advice[needs]}`,
    async *run(task) {
      const architecture = designFor(task.nativeSize)
      // Choices were checked for the backbone that is given, which may have other layers.
      if (areMade(choices)) {
        const untrained = backboneOf(architecture, new Map(), task.random)
        resolveChoices(await cutBackbone(untrained, task.runtime), choices)
      }
      const pool = yield* task.pool(architecture.size)
      const own = { ...task, checkpoints: named(task.checkpoints, name) }
      const options = { method, variant, choices, easyLabels }
      return yield* closing(pool, pretrainAndReuse(own, options, architecture, pool))
    },
  }
}

async function* pretrainAndReuse(
  task: Task,
  options: Required<PretrainedOptions> & { readonly method: PretrainingMethod },
  architecture: Architecture,
  pool: ImageStream,
): AsyncGenerator<StrategyEvent, StrategyResult> {
  const { method, variant, choices, easyLabels } = options
  const name = variantName(method, variant)
  const share = (of: number): Task => ({ ...task, multiplyAdds: task.multiplyAdds * of })
  const { graph, provenance } = yield* pretrainBackbone(
    share(shareOfPretraining),
    method,
    variant,
    architecture,
    pool,
    easyLabels,
  )
  const backbone = { name, graph, provenance }
  const reuse = transfer({ backbone, normalization: null, pool, choices })
  const reused = yield* renamed(reuse.run(share(shareOfUse)), name)
  if (areMade(choices)) return reused
  // Its layers are those that are trained from scratch, so that they can be trained on in the same way.
  return yield* orAllLayers(share(shareOfUse * speedInSmallBatches), reused, {
    name,
    reusedUpTo: graph.outputs[0]?.name as string,
    provenance,
    // biome-ignore lint/correctness/useYield: they are there.
    async *initial() {
      return graph.initializers
    },
  })
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
export const inPhasesOf = <R>(name: string, events: AsyncGenerator<StrategyEvent, R>) =>
  mapEvents(events, (event) =>
    'phase' in event ? { ...event, phase: event.phase.replace(/^transfer\b/, name) } : event,
  )
