import { expect, test } from 'vitest'
import { rememberedCheckpoints } from '../../testing/checkpoints.ts'
import { collect } from '../../testing/collect.ts'
import { drawnImages } from '../../testing/drawn-images.ts'
import { runtime } from '../../testing/runtime.ts'
import { streamOf } from '../data/image-stream.ts'
import { createRandom } from '../random.ts'
import type { Runtime } from '../runtime/session.ts'
import { designFor } from '../training/design.ts'
import type { StrategyEvent } from '../training/task.ts'
import { gan } from './gan.ts'
import { latentInput } from './gan-monitor.ts'

const size = { height: 8, width: 8, channels: 1 }

/** A runtime on which what a generator is seen to make is always grey. */
const grey: Runtime = {
  ...runtime,
  async createSession(graph, options) {
    const session = await runtime.createSession(graph, options)
    const isGenerator = graph.outputs.length === 1 && graph.inputs[0]?.name === latentInput
    if (!isGenerator) return session
    return {
      ...session,
      async run(feeds, fetches) {
        const results = await session.run(feeds, fetches)
        for (const { data } of Object.values(results)) (data as Float32Array).fill(0)
        return results
      },
    }
  },
}

test('a game that goes wrong is begun again from other values, and given up after the third', async () => {
  const checkpoints = rememberedCheckpoints()
  const options = {
    images: streamOf(drawnImages({ count: 32, ...size })),
    architecture: designFor(size),
    epochs: 4,
    random: createRandom(1),
    runtime: grey,
    checkpoints,
  }
  const seen: StrategyEvent[] = []
  const play = () => collect(gan.pretrain(options), (event) => seen.push(event))
  const reason =
    /^gan: mode collapse: .*, the last of 3 attempts: more images or another --seed may help$/
  await expect(play()).rejects.toThrow(reason)
  const notices = seen.flatMap((event) => (event.type === 'notice' ? [event.sentence] : []))
  expect(notices.filter((sentence) => sentence.includes('begins again'))).toEqual([
    expect.stringMatching(/attempt 2 of 3$/),
    expect.stringMatching(/attempt 3 of 3$/),
  ])
  const losses = seen.flatMap((event) => (event.type === 'epoch' ? [event.trainingLoss] : []))
  expect(losses).toHaveLength(9)
  expect(new Set(losses.filter((_, index) => index % 3 === 0)).size).toBe(3)
  // What went wrong before a stop is not played again.
  seen.length = 0
  await expect(play()).rejects.toThrow(reason)
  expect(seen.map(({ type }) => type)).toEqual(['notice', 'notice'])
})
