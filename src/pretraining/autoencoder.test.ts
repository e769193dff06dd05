import { expect, test } from 'vitest'
import { drawnImages } from '../../testing/drawn-images.ts'
import { runtime } from '../../testing/runtime.ts'
import { streamOf } from '../data/image-stream.ts'
import { finish } from '../events.ts'
import { mlpTrunk, resnetTrunk } from '../nn/architectures.ts'
import { createRandom } from '../random.ts'
import { mean } from '../statistics/summaries.ts'
import { autoencoder } from './autoencoder.ts'
import type { Architecture } from './method.ts'

const size = { height: 10, width: 10, channels: 1 }
const images = drawnImages({ count: 64, ...size })
const architectures: readonly Architecture[] = [
  { name: 'mlp', size, trunk: mlpTrunk({ sizes: [120, 80], activation: 'relu' }) },
  { name: 'resnet', size, trunk: resnetTrunk({ widths: [8, 16] }) },
]

const pretrain = (architecture: Architecture, variant: string, epochs: number) =>
  finish(
    autoencoder.pretrain({
      images: streamOf(images),
      architecture,
      variant,
      epochs,
      random: createRandom(1),
      runtime,
      checkpoints: { load: async () => undefined, save: async () => {} },
    }),
  )

test.each(architectures.map((one) => [one.name, one] as const))(
  'a trunk of %s mends images: what it makes of them is nearer to them than what it was given',
  async (name, architecture) => {
    // A step of the dense one takes next to nothing.
    const epochs = name === 'mlp' ? 400 : 60
    const { pictures, graph } = await pretrain(architecture, 'denoising', epochs)
    const [real, spoiled, mended] = (pictures?.rows ?? []).map(({ data }) => Array.from(data))
    const distance = (a: readonly number[] = [], b: readonly number[] = []) =>
      mean(a.map((value, i) => (value - (b[i] as number)) ** 2))
    expect(distance(real, mended)).toBeLessThan(0.6 * distance(real, spoiled))
    // The decoder stays behind.
    for (const name of graph.initializers.keys()) expect(name).not.toMatch(/^decoder/)
  },
)

test('a dense trunk learns layer by layer too, each with the transpose of its own weights', async () => {
  const { loss, graph } = await pretrain(architectures[0] as Architecture, 'stacked', 10)
  expect(loss.last).toBeLessThan(loss.first)
  expect([...graph.initializers.keys()].filter((name) => name.endsWith('weight'))).toEqual([
    'hidden1.dense.weight',
    'hidden2.dense.weight',
  ])
})
