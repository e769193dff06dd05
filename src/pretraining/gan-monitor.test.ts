import { expect, test } from 'vitest'
import { rememberedCheckpoints } from '../../testing/checkpoints.ts'
import { drawnImages } from '../../testing/drawn-images.ts'
import { runtime } from '../../testing/runtime.ts'
import { streamOf } from '../data/image-stream.ts'
import { createBuilder } from '../graph/builder.ts'
import { float32 } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'
import { designFor } from '../training/design.ts'
import { ganMonitor, latentInput, latentSize } from './gan-monitor.ts'

const size = { height: 8, width: 8, channels: 1 }
const images = drawnImages({ count: 64, ...size })

/** A generator that makes noise of some size around grey. */
async function monitorOf(spread: number, checkpoints = rememberedCheckpoints()) {
  const builder = createBuilder()
  const latent = builder.input(latentInput, 'float32', ['N', latentSize])
  const scale = builder.parameter('generator.scale', float32([1], [spread]))
  const flat = builder.op('Tanh', [builder.op('Mul', [latent, scale])])
  const made = builder.op('Reshape', [flat, builder.int64s([-1, 1, 8, 8])])
  builder.output(made)
  const monitor = await ganMonitor(
    {
      images: streamOf(images),
      architecture: designFor(size),
      epochs: 1,
      random: createRandom(1),
      runtime,
      checkpoints,
    },
    builder.build(),
    made,
  )
  const parameters = () => new Map([['generator.scale', float32([1], [spread])]])
  return { monitor, parameters }
}

test('a generator that makes one image again and again ends it, with the reason', async () => {
  const { monitor, parameters } = await monitorOf(0.01)
  const watch = (epoch: number) => monitor.watch({ epoch, losses: [1.3], parameters })
  expect(await watch(1)).not.toHaveProperty('failure')
  expect(await watch(2)).not.toHaveProperty('failure')
  expect((await watch(3)).failure).toMatch(/^mode collapse: /)
  await monitor.release()
})

test('what was going wrong before a stop still counts after it', async () => {
  const checkpoints = rememberedCheckpoints()
  const { monitor: first, parameters } = await monitorOf(0.01, checkpoints)
  for (const epoch of [1, 2]) await first.watch({ epoch, losses: [1.3], parameters })
  await first.release()
  const { monitor: second } = await monitorOf(0.01, checkpoints)
  expect((await second.watch({ epoch: 3, losses: [1.3], parameters })).failure).toMatch(
    /^mode collapse: /,
  )
  await second.release()
})

test('a discriminator that is always right ends it, with the reason', async () => {
  const { monitor, parameters } = await monitorOf(1)
  const watch = (epoch: number, loss: number) =>
    monitor.watch({ epoch, losses: [loss], parameters })
  await watch(1, 0.001)
  await watch(2, 0.001)
  // Not three in a row.
  expect(await watch(3, 1.2)).not.toHaveProperty('failure')
  for (const epoch of [4, 5]) expect(await watch(epoch, 0.001)).not.toHaveProperty('failure')
  expect((await watch(6, 0.001)).failure).toMatch(/^saturated discriminator: /)
  await monitor.release()
})

test('a healthy game goes on, and leaves sheets of the first epochs and each power of two', async () => {
  const { monitor, parameters } = await monitorOf(1)
  for (let epoch = 1; epoch <= 5; epoch++) {
    const { notice, failure } = await monitor.watch({ epoch, losses: [1.3], parameters })
    expect(failure).toBeUndefined()
    expect(notice).toMatch(/^made images vary \d+ % as much as real ones$/)
  }
  const { caption, rows } = await monitor.sheets()
  expect(caption).toBe('made from the same latent variables after 1, 2, 4 epochs')
  expect(rows.map(({ count }) => count)).toEqual([8, 8, 8])
  await monitor.release()
})
