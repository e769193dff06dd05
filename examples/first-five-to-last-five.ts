/**
 * Exercise 9 of chapter 11 of Hands-On Machine Learning (Géron, 1st edition) with clothes instead of digits: a network of five hidden layers learns five
 * classes of Fashion-MNIST from all their images; another one has to learn the other five from 100 labels each. How much of the first is worth
 * keeping, by hand and as the search decides:
 *
 *     npx tsx examples/first-five-to-last-five.ts [FOLDER] [--seeds 5]
 *
 * FOLDER holds the four files of Fashion-MNIST; without it, the part that comes with Graft is used.
 */
import { parseArgs } from 'node:util'
import { bundledDataFolder } from '../src/comparison/bundled-data.ts'
import { decodeDataset } from '../src/data/dataset.ts'
import { stratifiedFolds } from '../src/data/folds.ts'
import { streamOf } from '../src/data/image-stream.ts'
import { gather, type Images } from '../src/data/pixels.ts'
import { scan } from '../src/data/scan.ts'
import { finish } from '../src/events.ts'
import { inputName, mlp } from '../src/nn/architectures.ts'
import { crossEntropy } from '../src/nn/losses.ts'
import { adam } from '../src/nn/optimizers.ts'
import { createRandom, type Random } from '../src/random.ts'
import { defaultRuntime } from '../src/runtime/default.ts'
import { meanInterval } from '../src/statistics/means.ts'
import { imageExamples } from '../src/training/examples.ts'
import { compileForward, withParameters } from '../src/training/forward.ts'
import { scoreOf, train } from '../src/training/loop.ts'
import { pixelsInput, takePixels } from '../src/training/normalization.ts'
import { predict, softmax } from '../src/training/predict.ts'
import { scratch } from '../src/training/scratch.ts'
import { compileStep } from '../src/training/step.ts'
import type { Strategy, Task } from '../src/training/task.ts'
import { noChoices, type ReuseChoices } from '../src/transfer/choices.ts'
import { transfer } from '../src/transfer/transfer.ts'

const size = { height: 28, width: 28, channels: 1 }
const sizes = [100, 100, 100, 100, 100]
const activation = 'elu'
const epochs = 20
const batchSize = 32
const labelsPerClass = 100
/** What the search may cost, in multiply-adds. */
const budget = 1e12
const normalization = { name: 'x/255', mean: [0], std: [1], order: 'RGB' } as const
const runtime = await defaultRuntime()

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '5' } },
})
const source = await scan(positionals[0] ?? bundledDataFolder())
const all = await finish(decodeDataset(source, size, { cache: null }))
if (!all.test) throw new Error(`${source.path} has no test images`)

type Part = { readonly images: Images; readonly labels: Int32Array }

/** The images of five classes in a row, at most so many of each, with classes from 0 on. */
function fiveFrom({ images, labels }: Part, first: number, most: number, random: Random): Part {
  const rows = [0, 1, 2, 3, 4].flatMap((label) => {
    const own = [...labels.keys()].filter((row) => labels[row] === first + label)
    return random.shuffle(own).slice(0, most)
  })
  const names = rows.map((row) => images.names[row] as string)
  return {
    images: { ...size, count: rows.length, data: gather(images, rows), names },
    labels: Int32Array.from(rows, (row) => (labels[row] as number) - first),
  }
}

/** The first network: everything it can learn of the first five classes. */
async function learnFirst(part: Part, random: Random) {
  const design = { sizes, activation, classes: 5 } as const
  const network = mlp([1, 28, 28], design, random.fork('A'))
  const graph = takePixels(network, { input: inputName, layout: 'NCHW', ...size }, normalization)
  const step = await compileStep(
    {
      graph,
      loss: crossEntropy(),
      inputs: { [pixelsInput]: { type: 'uint8', dims: [batchSize, 28, 28, 1] } },
      trainable: [...network.initializers.keys()],
      optimizer: adam(),
    },
    runtime,
  )
  const { parameters } = await finish(
    train({
      step,
      input: pixelsInput,
      examples: imageExamples(part.images),
      labels: part.labels,
      train: [...part.labels.keys()],
      batchSize,
      epochs,
      learningRate: 1e-3,
      random: random.fork('order A'),
    }),
  )
  await step.release()
  return withParameters(network, parameters)
}

/** What a strategy makes of the labels: its decisions, and the accuracy on the test images. */
async function measure(strategy: Strategy, task: Task, test: Part) {
  const decisions: string[] = []
  const steps = strategy.run(task)
  let step = await steps.next()
  for (; !step.done; step = await steps.next()) {
    if (step.value.type === 'decision') decisions.push(step.value.sentence)
  }
  const { graph } = await finish(step.value.train())
  await step.value.release?.()
  const forward = await compileForward(graph, [], runtime)
  const rows = [...test.labels.keys()]
  const outputs = await finish(predict(forward, pixelsInput, imageExamples(test.images), rows, 256))
  await forward.release()
  return { decisions, accuracy: scoreOf(softmax(outputs), test.labels).accuracy }
}

const byHand: Readonly<Record<string, Partial<ReuseChoices>>> = {
  'all five layers, frozen': { reuse: 'block 5', thaw: 0 },
  'four layers, frozen': { reuse: 'block 4', thaw: 0 },
  'three layers, frozen': { reuse: 'block 3', thaw: 0 },
  'two layers, frozen': { reuse: 'block 2', thaw: 0 },
  'one layer, frozen': { reuse: 'block 1', thaw: 0 },
  'the top two thawed': { reuse: 'block 5', thaw: 2 },
  'all thawed': { reuse: 'block 5', thaw: 'all' },
}
const plain = { head: 'linear', newBlocks: 0 } as const

const accuracies = new Map<string, number[]>()
const note = (name: string, accuracy: number) => {
  accuracies.set(name, [...(accuracies.get(name) ?? []), accuracy])
  console.log(`  ${name.padEnd(24)} ${(100 * accuracy).toFixed(1)}`)
}
for (let seed = 0; seed < Number(values.seeds); seed++) {
  console.log(`seed ${seed}`)
  const random = createRandom(seed)
  const first = fiveFrom(all.train, 0, Number.POSITIVE_INFINITY, random.fork('first'))
  const { images, labels } = fiveFrom(all.train, 5, labelsPerClass, random.fork('labels'))
  const test = fiveFrom(all.test, 5, Number.POSITIVE_INFINITY, random.fork('test'))
  const graph = await learnFirst(first, random)
  const task: Task = {
    classes: ['5', '6', '7', '8', '9'],
    labels,
    folds: stratifiedFolds(labels, 5, random.fork('folds')),
    nativeSize: size,
    // biome-ignore lint/correctness/useYield: the images are there already
    async *images() {
      return images
    },
    // biome-ignore lint/correctness/useYield: the images are there already
    async *pool() {
      return streamOf(images)
    },
    multiplyAdds: budget,
    random,
    runtime,
    checkpoints: { load: async () => undefined, save: async () => {} },
  }
  const reuse = (choices: Partial<ReuseChoices>) =>
    transfer({
      backbone: { name: 'A', graph },
      normalization,
      choices: { ...noChoices, ...choices },
    })
  for (const [name, choices] of Object.entries(byHand)) {
    note(name, (await measure(reuse({ ...plain, ...choices }), task, test)).accuracy)
  }
  note('from scratch', (await measure(scratch, task, test)).accuracy)
  const found = await measure(reuse({}), task, test)
  note('as the search decides', found.accuracy)
  for (const sentence of found.decisions) console.log(`    ${sentence}`)
}
console.log(`mean of ${values.seeds} seeds`)
for (const [name, each] of accuracies) {
  const { mean, low, high } = meanInterval(each)
  const [value, from, to] = [mean, low, high].map((share) => (100 * share).toFixed(1))
  console.log(`  ${name.padEnd(24)} ${value} (${from} to ${to})`)
}
