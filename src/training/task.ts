import type { DataEvent } from '../data/decode-images.ts'
import type { Fold } from '../data/folds.ts'
import type { ImageStream } from '../data/image-stream.ts'
import type { Images, Size } from '../data/pixels.ts'
import { mapEvents } from '../events.ts'
import type { Graph } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Random } from '../random.ts'
import type { Runtime } from '../runtime/session.ts'
import type { TrainingEvent } from './loop.ts'

/** The labelled images that every strategy learns from, on the same folds. */
export type Task = {
  readonly classes: readonly string[]
  /** The class of every labelled image. */
  readonly labels: Int32Array
  readonly folds: readonly Fold[]
  /** The size that images have before anything resizes them. */
  readonly nativeSize: Size
  /** The labelled images at a size; decoded once for each size. */
  images(size: Size): AsyncGenerator<DataEvent, Images>
  /**
   * All images that may be looked at without labels, at a size: the labelled ones, and those that have no label. To be closed at the end.
   *
   * @throws GraftError `bad-input` where one of them is a test image
   */
  pool(size: Size): AsyncGenerator<DataEvent, ImageStream>
  /** What the strategy may cost in all, in multiply-adds of forward and backward passes. */
  readonly multiplyAdds: number
  readonly random: Random
  readonly runtime: Runtime
  readonly checkpoints: Checkpoints
}

/** Finished pieces of work that a resumed run takes up again. Values are what JSON can hold. */
export type Checkpoints = {
  load(key: string): Promise<unknown>
  save(key: string, value: unknown): Promise<void>
}

/** Checkpoints under keys that begin with a name. */
export function named({ load, save }: Checkpoints, name: string): Checkpoints {
  return {
    load: (key) => load(`${name}-${key}`),
    save: (key, value) => save(`${name}-${key}`, value),
  }
}

/** How far a piece of work is. */
export type ProgressEvent = {
  readonly type: 'progress'
  readonly phase: string
  readonly done: number
  readonly total: number
}

/** What a strategy does, as it happens. */
export type StrategyEvent =
  | DataEvent
  | ProgressEvent
  | (TrainingEvent & { readonly phase: string })
  | { readonly type: 'decision'; readonly sentence: string; readonly kept: boolean }
  | { readonly type: 'notice'; readonly sentence: string }

export type FoldResult = {
  readonly fold: number
  readonly accuracy: number
  readonly seconds: number
  readonly curve: readonly {
    readonly epoch: number
    readonly trainingLoss: number
    readonly validationLoss: number | null
    readonly validationAccuracy: number | null
    readonly learningRate: number
  }[]
}

/** What a strategy reached on the folds, and how to train its model on all labelled images. */
export type StrategyResult = {
  readonly folds: readonly FoldResult[]
  /** The log loss on the held-out part of each of these folds, at the temperature that is best for all. */
  readonly losses: readonly number[]
  readonly reusedUpTo: string | null
  readonly thawedFrom: string | null
  /** The final network: pixels, uint8 [N, H, W, C], to logits [N, classes]. */
  train(): AsyncGenerator<StrategyEvent, TrainedModel>
  /** Gives back what it holds compiled. */
  release?(): Promise<void>
}

export type TrainedModel = {
  readonly graph: Graph
  readonly size: Size
  /** What the model's metadata says of how it came about. */
  readonly provenance: Readonly<Record<string, string>>
  /** Tensors of a reused network that nothing may have changed, as they were before. */
  readonly frozen?: ReadonlyMap<string, Tensor>
}

/** One way to make use of few labels. */
export type Strategy = {
  readonly name: string
  /** Why it cannot be tried, or null. */
  readonly unavailable: string | null
  /** Whether it reuses a network that somebody has to give. */
  readonly needsBackbone?: true
  run(task: Task): AsyncGenerator<StrategyEvent, StrategyResult>
}

/** Runs a piece of work unless an earlier run already finished it. */
export async function* remember<E, R>(
  checkpoints: Checkpoints,
  key: string,
  work: () => AsyncGenerator<E, R>,
): AsyncGenerator<E, R> {
  const known = (await checkpoints.load(key)) as R | undefined
  if (known !== undefined) return known
  const result = yield* work()
  await checkpoints.save(key, result)
  return result
}

/** Gives the events of a training run the name of its phase. */
export const inPhase = <R>(
  phase: string,
  events: AsyncGenerator<TrainingEvent, R>,
): AsyncGenerator<StrategyEvent, R> => mapEvents(events, (event) => ({ ...event, phase }))

/** Gives plain progress the name of its phase. */
export const asProgress = <R>(
  phase: string,
  steps: AsyncGenerator<{ readonly done: number; readonly total: number }, R>,
): AsyncGenerator<ProgressEvent, R> =>
  mapEvents(steps, (step) => ({ type: 'progress', phase, ...step }))

/** The passes over the data that a budget pays for, as a fraction: forward and backward pass cost about three forward ones. */
export function affordableEpochs(
  { multiplyAdds }: Pick<Task, 'multiplyAdds'>,
  cost: { readonly perImage: number; readonly images: number; readonly runs: number },
): number {
  return multiplyAdds / (3 * cost.perImage * cost.images * cost.runs)
}
