import { type Batch, batches } from '../data/batches.ts'
import type { ImageStream } from '../data/image-stream.ts'
import { bytesPerImage } from '../data/pixels.ts'
import { GraftError } from '../errors.ts'
import type { Graph } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import { adamw } from '../nn/optimizers.ts'
import { oneCycle, type Schedule } from '../nn/schedules.ts'
import type { Random } from '../random.ts'
import { mean } from '../statistics/summaries.ts'
import { latest, trainableParameters } from '../training/loop.ts'
import { compileStep, type StepBatch, type StepResult } from '../training/step.ts'
import type { StrategyEvent } from '../training/task.ts'
import type { StepOptions } from '../training/write-step.ts'
import type { PretrainingOptions } from './method.ts'
import { decodeState, encodeState } from './state.ts'

/** The images of a step. */
export type PlanBatch = {
  /** uint8 NHWC. */
  readonly pixels: Uint8Array
  /** Where they are in the stream. */
  readonly indices: Int32Array
}

/** What to train: one network with its loss, and how a step is fed. */
export type Plan = {
  readonly step: StepOptions
  /** Images of a step; an epoch drops the images that do not fill a last one. */
  readonly batchSize: number
  readonly learningRate: number
  /** Default: one cycle. */
  readonly schedule?: Schedule
  feeds(batch: PlanBatch, draws: Random): Readonly<Record<string, Tensor>>
  /** Looks at what an epoch has come to. */
  watch?(epoch: WatchedEpoch): Promise<Observation>
}

export type WatchedEpoch = {
  readonly epoch: number
  /** Of every step. */
  readonly losses: readonly number[]
  /** What was learned so far. */
  parameters(): ReadonlyMap<string, Tensor>
}

/** What there is to say of an epoch, and why it makes no sense to go on. */
export type Observation = { readonly notice?: string; readonly failure?: string }

export type PlanResult = {
  readonly parameters: ReadonlyMap<string, Tensor>
  /** The mean loss of every epoch. */
  readonly losses: readonly number[]
}

/** The rate at which a trunk learns a task as a whole. */
export const wholeRate = 2.5e-3

/** How a trunk learns a task as a whole: what its step is made of beside the loss and the inputs. */
export function wholeStep(graph: Graph) {
  return {
    graph,
    trainable: trainableParameters(graph),
    optimizer: adamw({ weightDecay: 0.01 }),
    clipNorm: 5,
    batchStatistics: true,
  } as const
}

type Saved = { readonly losses: readonly number[]; readonly state: ReturnType<typeof encodeState> }

/**
 * Trains as planned, with one event an epoch and progress within. The state is saved now and then: what is resumed gives the same bits.
 *
 * @param key a name for the checkpoint
 * @throws GraftError `bad-input` where the loss is not finite any more, or where the plan gives up
 */
export async function* runPlan(
  plan: Plan,
  { images, epochs, random, runtime, checkpoints, checkpointInterval = 20 }: PretrainingOptions,
  phase: string,
  key: string,
): AsyncGenerator<StrategyEvent, PlanResult> {
  const { batchSize, learningRate: highest, schedule = oneCycle() } = plan
  const step = await compileStep(plan.step, runtime)
  try {
    const saved = (await checkpoints.load(key)) as Saved | undefined
    const losses = [...(saved?.losses ?? [])]
    if (saved) step.restore(decodeState(saved.state))
    const perEpoch = Math.floor(images.count / batchSize)
    let last = performance.now()
    for (let epoch = losses.length + 1; epoch <= epochs; epoch++) {
      const order = [...batches(images.count, batchSize, random.fork(`order ${epoch}`))]
      const draws = random.fork(`draws ${epoch}`)
      const results: StepResult[] = []
      let learningRate = highest
      let pixels = read(images, order.slice(0, Math.min(step.capacity, perEpoch)))
      for (let start = 0; start < perEpoch; start += step.capacity) {
        yield {
          type: 'progress',
          phase,
          done: (epoch - 1) * perEpoch + start,
          total: epochs * perEpoch,
        }
        const chunk = order.slice(start, Math.min(start + step.capacity, perEpoch))
        const own = await pixels
        // The next images are read while these are learned from.
        const ahead = start + step.capacity
        pixels = read(images, order.slice(ahead, Math.min(ahead + step.capacity, perEpoch)))
        const prepared = function* (): Generator<StepBatch> {
          for (const [index, { indices }] of chunk.entries()) {
            const count = (epoch - 1) * perEpoch + start + index
            learningRate = highest * schedule(count, epochs * perEpoch)
            const bytes = batchSize * bytesPerImage(images)
            const batch = { indices, pixels: own.subarray(index * bytes, (index + 1) * bytes) }
            yield { feeds: plan.feeds(batch, draws), learningRate }
          }
        }
        results.push(...(await step.runAll(prepared(), draws)))
      }
      const loss = mean(results.map((result) => result.loss))
      if (!Number.isFinite(loss)) {
        throw new GraftError(
          'bad-input',
          `${phase}: the loss is not finite in epoch ${epoch}: try another --seed, another --variant or more images`,
        )
      }
      losses.push(loss)
      yield {
        type: 'epoch',
        phase,
        epoch,
        epochs,
        trainingLoss: loss,
        gradientNorm: mean(results.map((result) => result.gradientNorm)),
        validationLoss: null,
        validationAccuracy: null,
        learningRate,
      }
      const seen = await plan.watch?.({
        epoch,
        losses: results.map((result) => result.loss),
        parameters: () => latest(step),
      })
      if (seen?.notice) yield { type: 'notice', sentence: `${phase}: ${seen.notice}` }
      if (seen?.failure) throw new GraftError('bad-input', `${phase}: ${seen.failure}`)
      if (epoch === epochs || performance.now() - last > 1000 * checkpointInterval) {
        const state: Saved = { losses, state: encodeState(step.state()) }
        await checkpoints.save(key, state)
        last = performance.now()
      }
    }
    return { parameters: latest(step), losses }
  } finally {
    await step.release()
  }
}

function read(images: ImageStream, chunk: readonly Batch[]): Promise<Uint8Array> {
  const pixels = images.read(chunk.flatMap(({ indices }) => Array.from(indices)))
  // Whoever waits for it hears of a failure; where training ended before, nobody does.
  pixels.catch(() => {})
  return pixels
}
