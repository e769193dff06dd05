import { describe, expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import type { Images } from '../data/pixels.ts'
import { finish } from '../events.ts'
import { cutAt } from '../graph/compose.ts'
import type { Graph } from '../graph/graph.ts'
import { float32 } from '../graph/tensor.ts'
import { inputName, resnet } from '../nn/architectures.ts'
import { createRandom } from '../random.ts'
import { temperatures } from '../statistics/temperature.ts'
import { type Normalization, takePixels, usualNormalizations } from '../training/normalization.ts'
import { normalizationLayers } from '../training/normalization-layers.ts'
import type { Task } from '../training/task.ts'
import { cutBackbone } from './backbone.ts'
import { featuresAt } from './depths.ts'
import { bestEpoch, createTuner } from './tune.ts'

const side = 16
const size = { height: side, width: side, channels: 3 }
const count = 16
const source = createRandom(5)
const images: Images = {
  ...size,
  count,
  names: Array.from({ length: count }, (_, index) => `${index}`),
  data: Uint8Array.from({ length: count * side * side * 3 }, () => source.integer(256)),
}
const labels = Int32Array.from({ length: count }, (_, index) => index % 2)
const rows = Array.from(labels, (_, row) => row)
const random = createRandom(3)
const task = {
  classes: ['a', 'b'],
  labels,
  folds: [{ repeat: 0, fold: 0, train: rows, validation: [0] }],
  nativeSize: size,
  multiplyAdds: 1e12,
  random,
  runtime,
} as unknown as Task

describe('what lies below the thawed blocks is not touched, not by a bit', async () => {
  const backbone = await cutBackbone(
    resnet([3, side, side], { classes: 5 }, createRandom(1)),
    runtime,
  )
  const [normalization] = usualNormalizations(3) as [Normalization]
  const image = { input: inputName, layout: 'NCHW', ...size } as const
  const top = backbone.depths.at(-1) as (typeof backbone.depths)[number]
  const network = featuresAt(takePixels(backbone.open, image, normalization), [top])
  const head = {
    weight: float32([2, top.features], Array(2 * top.features).fill(0)),
    bias: float32([2], [0, 0]),
  }

  const tuned = async (
    from: string | null,
    batchStatistics: ReadonlySet<string> = new Set(),
    until: { readonly stopAfter?: number } = {},
  ) => {
    const type = from === null ? undefined : backbone.types.get(from)
    const tuner = await finish(
      createTuner(task, {
        network,
        features: top.features,
        from: from !== null && type ? { name: from, type } : null,
        images,
        views: { count: 2, random: random.fork('views') },
        reused: new Set(network.initializers.keys()),
        multipliers: new Map(),
        batchStatistics,
      }),
    )
    const start = { phase: '', head, train: rows, random: random.fork('fit') }
    const fit = { ...start, validation: rows, learningRate: 1e-4 }
    const { graph, curve, losses } = await finish(tuner.fit({ ...fit, ...until }))
    await tuner.release()
    return { graph, curve, losses, cost: tuner.cost }
  }
  const changed = (graph: Graph) =>
    new Set(
      [...network.initializers]
        .filter(([name, { data }]) => {
          const now = graph.initializers.get(name)?.data
          return !data.every((value, index) => Object.is(value, now?.[index]))
        })
        .map(([name]) => name),
    )

  test.each([1, 2, 3])('%d of them', async (blocks) => {
    const from = top.blocks.at(-blocks)?.from as string
    const { graph, curve } = await tuned(from)
    const below = new Set(cutAt(network, from).initializers.keys())
    const moved = changed(graph)
    expect([...moved].filter((name) => below.has(name))).toEqual([])
    expect(moved.size).toBeGreaterThan(0)
    expect(curve.at(-1)?.trainingLoss).toBeLessThan(curve[0]?.trainingLoss ?? 0)
  })

  test('and fewer blocks cost less', async () => {
    const costs = []
    for (const from of [top.blocks.at(-1)?.from, top.blocks.at(-3)?.from, null]) {
      costs.push((await tuned(from ?? null)).cost)
    }
    expect(costs).toEqual([...costs].sort((a, b) => a - b))
    expect(new Set(costs).size).toBe(3)
  })

  test('statistics of batch normalization stay, also above', async () => {
    const moved = changed((await tuned(null)).graph)
    const statistics = [...network.initializers.keys()].filter((name) =>
      /running|mean|var/.test(name),
    )
    expect(statistics.length).toBeGreaterThan(0)
    expect(statistics.filter((name) => moved.has(name))).toEqual([])
  })

  test('but those of the layers named follow the batch', async () => {
    const layers = normalizationLayers(network, backbone.types).map(({ node }) => node)
    const named = new Set(layers.slice(-1))
    const moved = changed((await tuned(null, named)).graph)
    expect([...moved].filter((name) => /running/.test(name)).length).toBe(2)
  })

  test('training may end early, on the way that all epochs would have gone', async () => {
    const whole = await tuned(null)
    const part = await tuned(null, new Set(), { stopAfter: 2 })
    expect(part.curve).toEqual(whole.curve.slice(0, 2).map((event) => ({ ...event, epochs: 2 })))
    expect(part.losses).toEqual(whole.losses.slice(0, 2))
    expect(part.losses[0]?.length).toBe(temperatures.length)
  })
})

test('the best epoch is one for all folds, at one temperature', () => {
  const flat = (...losses: number[]) => losses.map((loss) => temperatures.map((_, t) => loss + t))
  const folds = [{ losses: flat(3, 1, 2) }, { losses: flat(3, 4, 2.5) }]
  expect(bestEpoch(folds)).toMatchObject({ epoch: 3, losses: [2, 2.5] })
})

test('there is no best epoch where none is finite in every fold', () => {
  const flat = (loss: number) => [temperatures.map(() => loss)]
  expect(bestEpoch([{ losses: flat(1) }, { losses: flat(Number.NaN) }])).toMatchObject({
    epoch: 0,
    losses: [],
  })
})
