/**
 * The library in one page: builds a network, trains it on the bundled part of Fashion-MNIST, turns it into the bytes of an ONNX file, reads
 * them back and measures what they say about images that were not trained on: `npx tsx examples/train-and-export.ts`.
 */
import { fileURLToPath } from 'node:url'
import * as graft from '../src/index.ts'

const batchSize = 64
const source = await graft.scan(fileURLToPath(new URL('../data/fashion-mnist', import.meta.url)))

/** Pixels as numbers from 0 to 1, and the class of every image. */
function arraysOf(items: typeof source.train) {
  const [first] = items
  if (!first || !('block' in first.origin)) throw new Error('these are not IDX images')
  const pixels = Float32Array.from(first.origin.block.data, (value) => value / 255)
  return { pixels, labels: items.map(({ label }) => label) }
}

const design = { sizes: [128], activation: 'relu', classes: 10 } as const
const network = graft.mlp([1, 28, 28], design, graft.createRandom(1))
const step = await graft.compileStep(
  {
    graph: network,
    loss: graft.crossEntropy(),
    optimizer: graft.adam(),
    inputs: { input: { type: 'float32', dims: [batchSize, 1, 28, 28] } },
    trainable: graft.trainableParameters(network),
  },
  await graft.defaultRuntime(),
)
const { pixels, labels } = arraysOf(source.train)
const epochs = graft.train({
  step,
  input: 'input',
  examples: graft.arrayExamples(pixels, [1, 28, 28]),
  labels,
  train: [...labels.keys()],
  batchSize,
  epochs: 8,
  learningRate: 1e-3,
  schedule: graft.cosine,
  random: graft.createRandom(2),
})
for await (const { epoch, trainingLoss } of epochs) console.log(epoch, trainingLoss.toFixed(3))
const file = graft.writeModel(graft.withParameters(network, step.parameters()))
await step.release()

const test = arraysOf(source.test ?? [])
const images = graft.float32([test.labels.length, 1, 28, 28], test.pixels)
const { data } = (await graft.run(graft.readModel(file), { input: images })).logits as graft.Tensor
const right = test.labels.filter((label, row) => {
  const scores = (data as Float32Array).subarray(row * 10, row * 10 + 10)
  return scores.indexOf(Math.max(...scores)) === label
})
const accuracy = right.length / test.labels.length
console.log(`${file.length} bytes of ONNX, accuracy ${accuracy.toFixed(3)}`)
if (accuracy < 0.82) throw new Error('the accuracy is below the floor of 0.82')
