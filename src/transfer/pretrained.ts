import { closing } from '../data/image-stream.ts'
import { countMultiplyAdds } from '../graph/cost.ts'
import { sequential } from '../nn/layers.ts'
import type { PretrainingMethod } from '../pretraining/method.ts'
import { usualEpochs } from '../pretraining/methods.ts'
import { pixelNetwork } from '../pretraining/networks.ts'
import { inferTypes } from '../runtime/types.ts'
import { pixelsInput } from '../training/normalization.ts'
import { type Design, designFor } from '../training/scratch.ts'
import {
  affordableEpochs,
  type Checkpoints,
  type Strategy,
  type StrategyEvent,
  type StrategyResult,
  type Task,
} from '../training/task.ts'
import type { ReuseChoices } from './choices.ts'
import { transfer } from './transfer.ts'

/** The share of the budget that pretraining may take; the rest is for the reuse of what it gives. */
const shareOfPretraining = 1 / 2
/** In large batches of small images a plain network makes so many times the multiply-adds a second that budgets are counted in. */
const speedInBatches = 5

/**
 * Pretrains a network on all images that may be seen, without their labels, and reuses it as any other: held-out images of a fold are seen too, and that gives
 * nothing away, since their labels are not.
 */
export function pretrained(
  method: PretrainingMethod,
  { choices }: { readonly choices?: ReuseChoices },
): Strategy {
  const { name, needs, variants } = method
  return {
    name,
    unavailable:
      needs === null
        ? null
        : `it learns from other labels than those that are wanted: run "graft pretrain ${name}" on images that have them, and give what it writes as --backbone`,
    async *run(task) {
      const { name: architecture, size, trunk } = designFor(task.nativeSize)
      const images = yield* task.pool(size)
      const epochs = await epochsFor(task, method, { size, trunk }, images.count)
      const share = task.multiplyAdds * shareOfPretraining
      yield {
        type: 'decision',
        sentence: `${name} (${variants[0]}) on ${images.count} images for ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}`,
        kept: true,
      }
      const { graph } = yield* closing(
        images,
        method.pretrain({
          images,
          architecture: { name: architecture, size, trunk },
          epochs,
          random: task.random.fork('pretraining'),
          runtime: task.runtime,
          checkpoints: named(task.checkpoints, name),
        }),
      )
      const provenance = {
        pretraining: `${name} ${variants[0]}`,
        architecture,
        images: String(images.count),
        epochs: String(epochs),
      }
      const reuse = transfer({
        backbone: { name, graph, provenance },
        normalization: null,
        ...(choices && { choices }),
      })
      const own = {
        ...task,
        multiplyAdds: task.multiplyAdds - share,
        checkpoints: named(task.checkpoints, name),
      }
      return yield* renamed(reuse.run(own), name)
    },
  }
}

/** As many epochs as the method is worth and its share of the budget pays for, at least one. */
async function epochsFor(
  task: Task,
  method: PretrainingMethod,
  { size, trunk }: Pick<Design, 'size' | 'trunk'>,
  images: number,
): Promise<number> {
  const { height, width, channels } = size
  const graph = pixelNetwork(size, task.random, (network, x) => [
    sequential(trunk)(network, x, '').name,
  ])
  const { types } = await inferTypes(
    graph,
    { [pixelsInput]: { type: 'uint8', dims: [1, height, width, channels] } },
    task.runtime,
  )
  const affordable = affordableEpochs(
    { multiplyAdds: task.multiplyAdds * shareOfPretraining * speedInBatches },
    { perImage: countMultiplyAdds(graph, types), images, runs: method.passes },
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
  const phase = (of: string) => of.replace(/^transfer\b/, name)
  for (;;) {
    const { done, value } = await events.next()
    if (done) {
      return {
        ...value,
        async *train() {
          const model = yield* value.train()
          return { ...model, provenance: { ...model.provenance, strategy: name } }
        },
      }
    }
    yield 'phase' in value ? { ...value, phase: phase(value.phase) } : value
  }
}
