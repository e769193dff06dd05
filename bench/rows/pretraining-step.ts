import { bytesPerImage } from '../../src/data/pixels.ts'
import type { PretrainingOptions } from '../../src/pretraining/method.ts'
import type { Plan } from '../../src/pretraining/plan.ts'
import { createRandom } from '../../src/random.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { designFor } from '../../src/training/design.ts'
import { compileStep } from '../../src/training/step.ts'
import { createSide } from '../ours.ts'
import { howToInstall, startPytorch, writeNumbers } from '../pytorch.ts'
import type { Row } from '../row.ts'

const size = { height: 28, width: 28, channels: 1 }
/** After a few more steps, rounding errors have grown into differences of their own. */
const checked = 2

type PretrainingRow = Pick<Row, 'name' | 'what' | 'limit'> & {
  /** A key of `pytorch/pretraining.py`. */
  readonly method: string
  plan(options: PretrainingOptions): Plan | Promise<Plan>
  /** What a step is fed, in the order in which the other side reads it. */
  readonly inputs: readonly string[]
  readonly repetitions: number
}

/**
 * A step of a method of pretraining on the plain network for images of 28x28, from the same weights and on the same batch as in PyTorch: what is drawn for
 * it, views and noise, is drawn before, for both.
 */
export function pretrainingStep(row: PretrainingRow): Row {
  const { name, what, limit, method, inputs, repetitions } = row
  return {
    name,
    what,
    limit,
    async open({ folder, threads, pytorch }) {
      if (!pytorch) return { missing: howToInstall }
      const random = createRandom('bench')
      const plan = await row.plan({
        images: blankImages,
        architecture: designFor(size),
        epochs: 1,
        random,
        runtime: nodeRuntime,
        checkpoints: { load: async () => undefined, save: async () => {} },
      })
      const { batchSize, learningRate } = plan
      const bytes = batchSize * bytesPerImage(size)
      const pixels = Uint8Array.from({ length: bytes }, () => random.integer(256))
      const feeds = plan.feeds({ pixels, indices: new Int32Array(batchSize) }, random)

      const { graph, trainable } = plan.step
      const weights = trainable.map((name) => graph.initializers.get(name)?.data)
      const fed = inputs.map((input) => feeds[input]?.data)
      const vectors = [...weights, ...fed].map((data) => Float32Array.from(data as Float32Array))
      const data = await writeNumbers(folder, name, vectors)
      const settings = { method, batch: batchSize, learningRate, data, checked, repetitions }
      const others = []
      for (const layout of ['contiguous', 'channels_last']) {
        const own = { ...settings, layout, threads }
        others.push(
          await startPytorch(
            pytorch,
            `PyTorch, ${layout}, threads: ${threads}`,
            'pretraining.py',
            own,
          ),
        )
      }

      const step = await compileStep(plan.step, nodeRuntime)
      const run = (steps: number) => step.runAll(Array(steps).fill({ feeds, learningRate }), random)
      const losses: number[] = []
      for (let i = 0; i < checked; i++) losses.push(...(await run(1)).map(({ loss }) => loss))
      const { capacity, release } = step
      return {
        ours: createSide(losses, repetitions, () => run(capacity), release, capacity),
        others,
        // Adam divides by the root of squares: what is almost zero on one side may have another sign on the other.
        tolerance: 0.005,
      }
    },
  }
}

/** As many images as it takes for batches of the usual size; none of them is read. */
const blankImages: PretrainingOptions['images'] = {
  ...size,
  count: 8192,
  names: [],
  read: async () => new Uint8Array(),
  close: async () => {},
}
