import { expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import type { Images } from '../data/pixels.ts'
import { createBuilder } from '../graph/builder.ts'
import { extend } from '../graph/compose.ts'
import type { Graph } from '../graph/graph.ts'
import { float32 } from '../graph/tensor.ts'
import { createRandom } from '../random.ts'
import type { ImageInput, Normalization } from '../training/normalization.ts'
import type { StrategyEvent } from '../training/task.ts'
import { chooseNormalization } from './choose-normalization.ts'

const image: ImageInput = { input: 'x', layout: 'NCHW', channels: 1, height: 2, width: 2 }

/** The mean of the pixels after bounds: outside of them, all images look the same. */
function backboneBetween(least: number, most: number) {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', ['N', 1, 2, 2])
  const bounded = builder.op('Clip', [x, builder.scalar(least), builder.scalar(most)])
  builder.output(builder.op('Flatten', [builder.op('GlobalAveragePool', [bounded])]))
  return { graph: builder.build(), image, whole: null as Graph | null }
}

/** Dark and light images, of about 180 and 210. */
const source = createRandom(1)
const labels = Int32Array.from({ length: 40 }, (_, i) => i % 2)
const images: Images = {
  count: 40,
  height: 2,
  width: 2,
  channels: 1,
  data: Uint8Array.from({ length: 160 }, (_, i) => {
    return 180 + 30 * (labels[Math.floor(i / 4)] as number) + 8 * source.normal()
  }),
  names: Array.from({ length: 40 }, (_, i) => `${i}.png`),
}

async function choose(
  backbone: ReturnType<typeof backboneBetween>,
  metadata: Record<string, string> = {},
): Promise<{ chosen: Normalization; events: StrategyEvent[] }> {
  const task = {
    labels,
    classes: ['dark', 'light'],
    random: createRandom(2),
    runtime: runtime,
    multiplyAdds: 1e12,
  }
  const running = chooseNormalization(backbone, metadata, images, task)
  const events: StrategyEvent[] = []
  for (;;) {
    const { done, value } = await running.next()
    if (done) return { chosen: value, events }
    events.push(value)
  }
}

/** Bounds around the two classes after each of the usual normalizations, which none of the others meets. */
const bounds: Record<string, [number, number]> = {
  'x/255': [0.66, 0.87],
  'ImageNet mean and std': [1.15, 1.7],
  raw: [165, 225],
}

test.each(Object.entries(bounds))(
  '%s is found where a network sees no other',
  async (name, range) => {
    const { chosen, events } = await choose(backboneBetween(...range))
    expect(chosen.name).toBe(name)
    const decision = events.at(-1)
    expect(decision).toMatchObject({ type: 'decision', kept: true })
    // The best comes first, with its share of explained variance.
    expect(decision).toHaveProperty(
      'sentence',
      expect.stringMatching(`^normalization by leave-one-out score: ${name} 0\\.\\d{3}, `),
    )
  },
)

test.each([
  ['raw', [165, 225], 'x/255, [-1, 1], ImageNet mean and std'],
  ['x/255', [0.66, 0.87], '[-1, 1], ImageNet mean and std, raw'],
] as const)(
  'where a classifier tells images apart only with %s, no other is tried',
  async (name, [least, most], left) => {
    const { graph } = backboneBetween(least, most)
    // Four classes of its own, for brightness from the one bound to the other.
    const whole = extend(graph, (b) => {
      const shifted = b.op('Sub', [graph.outputs[0]?.name, b.scalar((least + most) / 2)])
      const scaled = b.op('Mul', [shifted, b.scalar(40 / (most - least))])
      return b.op('Mul', [scaled, b.constant(float32([1, 4], [-3, -1, 1, 3]))])
    })
    const { chosen, events } = await choose({ graph, image, whole })
    expect(chosen.name).toBe(name)
    const sentences = events.flatMap((event) => (event.type === 'decision' ? [event.sentence] : []))
    expect(sentences[0]).toMatch(
      new RegExp(`^what the backbone's own classifier tells of the images, in nats: ${name} `),
    )
    const names = sentences[0]?.split('; left out: ')[1]?.split(', ').sort()
    expect(names).toEqual(left.split(', ').sort())
    expect(sentences.at(-1)).toMatch(
      new RegExp(`^normalization by leave-one-out score: ${name} 0\\.\\d{3}$`),
    )
  },
)

test('what the metadata says is not tried', async () => {
  const { chosen, events } = await choose(backboneBetween(0, 1), { mean: '0.3', std: '0.2' })
  expect(chosen).toEqual({ name: 'metadata', mean: [0.3], std: [0.2], order: 'RGB' })
  expect(events).toEqual([
    { type: 'decision', sentence: "normalization: as the backbone's metadata says", kept: true },
  ])
})

test('a network to which all images look alike still gets a normalization', async () => {
  const { chosen, events } = await choose(backboneBetween(500, 600))
  expect(chosen.name).toBe('x/255')
  expect(JSON.stringify(events)).not.toMatch(/NaN|Infinity/)
})
