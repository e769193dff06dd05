import { expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { stratifiedFolds } from '../data/folds.ts'
import type { Images } from '../data/pixels.ts'
import { inputName, resnet } from '../nn/architectures.ts'
import { createRandom } from '../random.ts'
import { type Normalization, takePixels, usualNormalizations } from '../training/normalization.ts'
import { finish } from '../training/predict.ts'
import type { StrategyEvent, Task } from '../training/task.ts'
import { cutBackbone } from './backbone.ts'
import { chooseDepth } from './choose-depth.ts'
import { thaw } from './thaw.ts'

const side = 16
const size = { height: side, width: side, channels: 3 }
const labels = Int32Array.from({ length: 24 }, (_, index) => index % 2)

/** Stripes across or along, in colours that say nothing. */
const images: Images = {
  ...size,
  count: labels.length,
  names: Array.from(labels, (_, index) => `${index}`),
  data: Uint8Array.from({ length: labels.length * side * side * 3 }, (_, i) => {
    const [image, pixel] = [Math.floor(i / (side * side * 3)), Math.floor(i / 3) % (side * side)]
    const [row, column] = [Math.floor(pixel / side), pixel % side]
    const bright = (labels[image] === 0 ? row : column) % 4 < 2
    return (bright ? 190 : 60) + ((image * 37 + (i % 3) * 53) % 50)
  }),
}

function taskOf(multiplyAdds: number): Task {
  const random = createRandom(3)
  const saved = new Map<string, unknown>()
  return {
    classes: ['across', 'along'],
    labels,
    folds: stratifiedFolds(labels, 3, random.fork('folds')),
    nativeSize: size,
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
async function reuse(multiplyAdds: number) {
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
  const reused = await finish(chooseDepth(task, backbone, network, images, views))
  const decisions: Extract<StrategyEvent, { type: 'decision' }>[] = []
  const events = thaw(task, backbone, reused, images, views)
  for (;;) {
    const { done, value } = await events.next()
    if (done) return { task, reused, thawed: value, decisions }
    if (value.type === 'decision') decisions.push(value)
  }
}

test('the top two blocks are thawed before all, and each decision says what it gained', async () => {
  const { thawed, decisions } = await reuse(1e12)
  const [top, all] = decisions
  expect(top?.sentence).toMatch(
    /^thawed the top 2 of \d+ blocks at 0\.0001 for 20 epochs: \d\.\d{3} -> \d\.\d{3}, ([+-][\d.]+ \+- [\d.]+ points|the same in every fold): (kept|taken back)$/,
  )
  expect(all?.sentence).toMatch(/^thawed all layers at /)
  const kept = decisions.filter((decision) => decision.kept).at(-1)
  if (kept) expect(kept.sentence).toContain(thawed?.what)
  else expect(thawed).toBeNull()
  await thawed?.tuner.release()
}, 60_000)

test('what the budget does not pay for stays frozen, and the decision says so', async () => {
  const { thawed, decisions } = await reuse(1)
  expect(thawed).toBeNull()
  expect(decisions.map(({ kept }) => kept)).toEqual([false, false])
  for (const { sentence } of decisions) expect(sentence).toMatch(/ stay frozen: .*raise --budget$/)
})
