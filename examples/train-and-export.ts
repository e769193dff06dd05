/**
 * The library in one page: builds a network, trains it on the bundled part of Fashion-MNIST, turns it into the bytes of an ONNX file, reads
 * them back and measures what they say about images that were not trained on.
 *
 *     npx tsx examples/train-and-export.ts
 */
import { fileURLToPath } from 'node:url'
import * as graft from '../src/index.ts'

const floor = 0.82
const batchSize = 64
const source = await graft.scan(fileURLToPath(new URL('../data/fashion-mnist', import.meta.url)))

/** Pixels as numbers from 0 to 1, and the class of every image. */
function arraysOf(items: typeof source.train) {
  const [first] = items
  if (!first || !('block' in first.origin)) throw new Error('these are not IDX images')
  const pixels = Float32Array.from(first.origin.block.data, (value) => value / 255)
  return { pixels, labels: items.map(({ label }) => label) }
}

const network = graft.mlp(
  [1, 28, 28],
  { sizes: [128], activation: 'relu', classes: 10 },
  graft.createRandom(1),
)
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
for await (const { epoch, trainingLoss } of epochs) {
  console.log(`epoch ${epoch}: loss ${trainingLoss.toFixed(3)}`)
}
const file = graft.writeModel(graft.withParameters(network, step.parameters()))
await step.release()

const test = arraysOf(source.test ?? [])
const images = graft.float32([test.labels.length, 1, 28, 28], test.pixels)
const { logits } = await graft.run(graft.readModel(file), { input: images })
const scores = logits?.data as Float32Array
const right = test.labels.filter((label, row) => {
  const own = scores.subarray(row * 10, row * 10 + 10)
  return own.indexOf(Math.max(...own)) === label
}).length
const accuracy = right / test.labels.length
console.log(`${file.length} bytes of ONNX, accuracy ${accuracy.toFixed(3)}`)
if (accuracy < floor) {
  console.error(`below the floor of ${floor}`)
  process.exitCode = 1
}
