import { expect, test } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { run, runtime } from '../../testing/runtime.ts'
import { stratifiedFolds } from '../data/folds.ts'
import type { Images } from '../data/pixels.ts'
import { finish } from '../events.ts'
import type { Graph } from '../graph/graph.ts'
import { inputName, resnet } from '../nn/architectures.ts'
import { createRandom } from '../random.ts'
import {
  type Normalization,
  pixelsInput,
  takePixels,
  usualNormalizations,
} from '../training/normalization.ts'
import type { Task } from '../training/task.ts'
import { cutBackbone } from './backbone.ts'
import { cacheFeatures } from './cached-features.ts'
import { noChoices, type ReuseChoices } from './choices.ts'
import { type Depth, featuresAt } from './depths.ts'
import { findReuse } from './find-reuse.ts'
import { withHead } from './head.ts'
import { createHeads } from './heads.ts'
import type { Reuse } from './reuse.ts'

const side = 16
const size = { height: side, width: side, channels: 3 }
const labels = Int32Array.from({ length: 24 }, (_, index) => index % 2)

/** Stripes across or along by turns, in colours that say nothing. */
const stripes = (count: number, first = 0): Images => ({
  ...size,
  count,
  names: Array.from({ length: count }, (_, index) => `${first + index}`),
  data: Uint8Array.from({ length: count * side * side * 3 }, (_, i) => {
    const image = first + Math.floor(i / (side * side * 3))
    const pixel = Math.floor(i / 3) % (side * side)
    const [row, column] = [Math.floor(pixel / side), pixel % side]
    const bright = (image % 2 === 0 ? row : column) % 4 < 2
    return (bright ? 190 : 60) + ((image * 37 + (i % 3) * 53) % 50)
  }),
})
const images = stripes(labels.length)

function taskOf(multiplyAdds: number): Task {
  const random = createRandom(3)
  const saved = new Map<string, unknown>()
  return {
    classes: ['across', 'along'],
    labels,
    folds: stratifiedFolds(labels, 2, random.fork('folds')),
    nativeSize: size,
    pool: () => {
      throw new Error('not asked for')
    },
    async *images() {
      yield { type: 'decode', part: 'train', done: 24, total: 24 }
      return images
    },
    multiplyAdds,
    random,
    runtime,
    checkpoints: {
      load: async (key) => saved.get(key),
      save: async (key, value) => void saved.set(key, value),
    },
  }
}

/** Reuses a random network within a budget of multiply-adds. */
async function reuse(
  multiplyAdds: number,
  choices: Partial<ReuseChoices> = {},
  unlabelled: Images | null = null,
) {
  const task = taskOf(multiplyAdds)
  const model = resnet([3, side, side], { classes: 5 }, createRandom(1))
  const backbone = await cutBackbone(model, runtime)
  const [normalization] = usualNormalizations(3) as [Normalization]
  const network = takePixels(
    backbone.open,
    { input: inputName, layout: 'NCHW', ...size },
    normalization,
  )
  const views = { count: 1, random: task.random.fork('views') }
  const found = findReuse(
    backbone,
    { task, network, images, views, unlabelled },
    { ...noChoices, ...choices },
  )
  const { events, result } = await collect(found)
  const { graph, trained } = await finish(result.train())
  await result.release()
  const decisions = events.flatMap((event) => (event.type === 'decision' ? [event] : []))
  return { model, backbone, result, graph, trained, decisions, network, task }
}

/** The parameters of the first network that differ in the second. */
function changed(model: Graph, graph: Graph): string[] {
  return [...model.initializers].flatMap(([name, { data }]) => {
    const now = graph.initializers.get(name)?.data
    return now && !data.every((value, index) => Object.is(value, now[index])) ? [name] : []
  })
}

test('depths are ranked, the plain output layer comes first, and each move has its decision', async () => {
  const { result, decisions } = await reuse(2e10)
  const sentences = decisions.map(({ sentence }) => sentence)
  expect(sentences[0]).toMatch(/^depths by leave-one-out score \(and LogME\): /)
  expect(sentences[1]).toMatch(
    /^new output layer on .*, all frozen \(.*, penalty \d+\): [01]\.\d{3}$/,
  )
  for (const sentence of sentences.slice(2)) {
    expect(sentence).toMatch(
      /: \d\.\d{3} -> \d\.\d{3}, ([+-][\d.]+ \+- [\d.]+ points|the same in every fold); loss .*: (kept|taken back)$/,
    )
  }
  expect(sentences.some((sentence) => sentence.startsWith('thawed '))).toBe(true)
  expect(result.folds.length).toBe(2)
  expect(result.losses.length).toBe(result.folds.length)
}, 60_000)

test('what the budget does not pay for is not tried, and the decision says so', async () => {
  const { model, result, graph, decisions } = await reuse(1)
  expect(result.reuse.thawed).toBe(0)
  const refused = decisions.filter(({ sentence }) => sentence.startsWith('not tried: thawed '))
  expect(refused.length).toBeGreaterThan(0)
  for (const { sentence, kept } of refused) {
    expect(sentence).toMatch(/raise --budget$/)
    expect(kept).toBe(false)
  }
  expect(changed(model, graph)).toEqual([])
})

test.each<[string, Partial<ReuseChoices>, Partial<Reuse>]>([
  ['two blocks thawed', { thaw: 2 }, { thawed: 2 }],
  ['a new block on frozen ones', { newBlocks: 1, thaw: 0 }, { added: 1, thawed: 0 }],
  ['statistics of the batch', { thaw: 2, statistics: 'batch' }, { thawed: 2, statistics: 'batch' }],
  ['selected features', { head: 'selected' }, { head: 'selected', thawed: 0 }],
])(
  'as the user wants it: %s',
  async (_name, choices, expected) => {
    const { model, result, graph, trained } = await reuse(2e10, choices)
    expect(result.reuse).toMatchObject(expected)
    const moved = changed(model, graph)
    expect(moved.filter((name) => !trained.has(name))).toEqual([])
    expect(moved.length > 0).toBe(result.reuse.thawed > 0)
    const statistics = moved.filter((name) => /running_/.test(name))
    expect(statistics.length > 0).toBe(result.reuse.statistics === 'batch')
    const [logits] = Object.values(
      await run(graph, {
        [pixelsInput]: { type: 'uint8', dims: [24, side, side, 3], data: images.data },
      }),
    )
    expect(logits?.dims).toEqual([24, 2])
  },
  60_000,
)

test('images without labels teach an output layer too, and whether that helps is decided', async () => {
  const unlabelled = stripes(40, labels.length)
  const { decisions, backbone, network, task } = await reuse(2e10, { thaw: 0 }, unlabelled)
  const move = 'an output layer that learned from images without labels too'
  expect(decisions.filter(({ sentence }) => sentence.startsWith(move))).toHaveLength(1)

  const depth = backbone.depths.at(-1) as Depth
  const { result: cached } = await collect(
    cacheFeatures(task, network, [depth], images, { least: 1, views: undefined }),
  )
  const heads = createHeads({ task, network, cached, unlabelled })
  const wanted = { head: 'propagated', depth } as const
  const { result: probe } = await collect(heads.onFolds(wanted))
  expect(probe.heads).toHaveLength(task.folds.length)
  expect(await finish(heads.onFolds(wanted))).toBe(probe)
  const head = await finish(heads.onAll(wanted, probe))
  const whole = withHead(featuresAt(network, [depth]), depth.features, 2, head)
  const pixels = { type: 'uint8', dims: [40, side, side, 3], data: unlabelled.data } as const
  const [logits] = Object.values(await run(whole, { [pixelsInput]: pixels }))
  const { data } = logits as { data: Float32Array }
  const right = unlabelled.names.filter(
    (name, i) => Number((data[2 * i + 1] as number) > (data[2 * i] as number)) === Number(name) % 2,
  )
  expect(right.length).toBeGreaterThan(35)
}, 60_000)
