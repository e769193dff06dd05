import { expect } from 'vitest'
import { type ImageStream, streamOf } from '../src/data/image-stream.ts'
import { readModel } from '../src/graph/read.ts'
import type { Tensor } from '../src/graph/tensor.ts'
import { writeModel } from '../src/graph/write.ts'
import type {
  Pretrained,
  PretrainingMethod,
  PretrainingOptions,
} from '../src/pretraining/method.ts'
import { createRandom } from '../src/random.ts'
import { designFor } from '../src/training/design.ts'
import { pixelsInput } from '../src/training/normalization.ts'
import type { StrategyEvent } from '../src/training/task.ts'
import { cutBackbone } from '../src/transfer/backbone.ts'
import { breadths, isBroad, rectangles } from './broad-or-narrow.ts'
import { rememberedCheckpoints } from './checkpoints.ts'
import { run, runtime } from './runtime.ts'

// In colour: what fits by being broadcast over one channel is found out.
const images = rectangles
const { height, width, channels } = images
const size = { height, width, channels }
const epochs = 8

/** The stream, and which of its images were read. */
function watched(stream: ImageStream): ImageStream & { readonly seen: Set<number> } {
  const seen = new Set<number>()
  const read: ImageStream['read'] = (indices) => {
    for (const index of Array.from(indices)) seen.add(index)
    return stream.read(indices)
  }
  return { ...stream, seen, read }
}

type Overrides = Partial<PretrainingOptions> & { readonly seed?: number }

async function pretrain(
  method: PretrainingMethod,
  { seed = 1, ...options }: Overrides,
  listener: (event: StrategyEvent) => void = () => {},
): Promise<Pretrained> {
  const events = method.pretrain({
    images: streamOf(images),
    architecture: designFor(size),
    epochs,
    labels: breadths,
    rule: ({ data }) => (isBroad(data) ? 'broad' : 'narrow'),
    random: createRandom(seed),
    runtime,
    checkpoints: rememberedCheckpoints(),
    ...options,
  })
  for (;;) {
    const { done, value } = await events.next()
    if (done) return value
    listener(value)
  }
}

const values = ({ graph }: Pretrained) =>
  [...graph.initializers].map(([name, { data }]) => [name, Array.from(data, Number)] as const)

/**
 * Checks what holds for every method of pretraining: features of the right shape that differ between images, a loss that falls (where it is
 * not that of a game), the same bits for the same seed and others for another, the same bits when it is stopped after an epoch and goes on,
 * a backbone that can be written, read and cut, and no image read that was not given.
 */
export async function checkMethod(method: PretrainingMethod, variant: string): Promise<void> {
  const stream = watched(streamOf(images))
  const curve: number[] = []
  const whole = await pretrain(method, { variant, images: stream }, (event) => {
    if (event.type === 'epoch') curve.push(event.trainingLoss)
  })
  expect(whole.epochs).toBe(epochs)
  expect(curve.length % epochs).toBe(0)
  expect(whole.loss).toEqual({ first: curve[0], last: curve.at(-1) })
  for (const loss of curve) expect(Number.isFinite(loss)).toBe(true)
  if (!method.isGame) expect(curve[epochs - 1]).toBeLessThan(curve[0] as number)
  expect([...stream.seen].every((index) => index >= 0 && index < images.count)).toBe(true)

  // Written and read, it is a backbone like any other.
  const graph = readModel(writeModel(whole.graph))
  const { features, image } = await cutBackbone(graph, runtime)
  expect(features).toBe(128)
  expect(image).toMatchObject(size)
  const pixels: Tensor = {
    type: 'uint8',
    dims: [8, 12, 12, 3],
    data: images.data.slice(0, 8 * height * width * channels),
  }
  const [output] = Object.values(await run(graph, { [pixelsInput]: pixels }))
  expect(output?.dims).toEqual([8, 128])
  const rows = Array.from({ length: 8 }, (_, i) =>
    String(output?.data.slice(128 * i, 128 * (i + 1))),
  )
  expect(new Set(rows).size).toBeGreaterThan(4)

  // The same seed gives the same bits, another seed others.
  expect(values(await pretrain(method, { variant }))).toEqual(values(whole))
  expect(values(await pretrain(method, { variant, seed: 2 }))).not.toEqual(values(whole))

  // Stopped after its last epoch but one, it goes on to the same bits.
  const checkpoints = rememberedCheckpoints()
  const stop = new Error('stopped')
  const stopped = pretrain(method, { variant, checkpoints, checkpointInterval: 0 }, (event) => {
    if (event.type === 'progress' && event.done > 0) {
      if (event.done >= event.total * (1 - 1 / epochs)) throw stop
    }
  })
  await expect(stopped).rejects.toBe(stop)
  expect(checkpoints.saved.size).toBeGreaterThan(0)
  const again: number[] = []
  const resumed = await pretrain(method, { variant, checkpoints }, (event) => {
    if (event.type === 'epoch') again.push(event.epoch)
  })
  expect(values(resumed)).toEqual(values(whole))
  expect(resumed.loss).toEqual(whole.loss)
  expect(again.length).toBeLessThan(curve.length)
}
