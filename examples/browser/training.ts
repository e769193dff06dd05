import * as graft from '../../src/web.ts'
import type { Clothes } from './data.ts'

const batchSize = 32

export type Progress = {
  readonly epoch: number
  readonly loss: number
  /** The share of the test images that are classified rightly. */
  readonly accuracy: number
  /** The class that the network gives each test image. */
  readonly predicted: readonly number[]
}

/** Trains a convolutional network, and tests it after every epoch. */
export async function* learn(
  train: Clothes,
  test: Clothes,
  epochs: number,
  runtime: graft.Runtime,
): AsyncGenerator<Progress> {
  const random = graft.createRandom(1)
  const network = graft.cnn([1, 28, 28], { classes: 10, dropout: 0.2 }, random)
  const parameters = graft.trainableParameters(network)
  const input = { type: 'float32', dims: [batchSize, 1, 28, 28] } as const
  const step = await graft.compileStep(
    {
      graph: network,
      loss: graft.crossEntropy(),
      optimizer: graft.adam(),
      inputs: { input },
      trainable: parameters,
    },
    runtime,
  )
  const forward = await graft.compileForward(network, parameters, runtime)
  const examples = pixelsOf(test)
  const rows = [...test.labels.keys()]
  const training = graft.train({
    step,
    input: 'input',
    examples: pixelsOf(train),
    labels: train.labels,
    train: [...train.labels.keys()],
    batchSize,
    epochs,
    learningRate: 1e-3,
    random,
  })
  for await (const { epoch, trainingLoss } of training) {
    const outputs = await graft.finish(
      graft.predict(forward, 'input', examples, rows, batchSize, step.parameters()),
    )
    const predicted = graft.softmax(outputs).map((row) => row.indexOf(Math.max(...row)))
    const right = predicted.filter((label, row) => label === test.labels[row])
    yield { epoch, loss: trainingLoss, accuracy: right.length / rows.length, predicted }
  }
  await Promise.all([step.release(), forward.release()])
}

const pixelsOf = ({ images }: Clothes) =>
  graft.arrayExamples(
    Float32Array.from(images.data, (value) => value / 255),
    [1, 28, 28],
  )
