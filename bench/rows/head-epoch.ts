import { createBuilder } from '../../src/graph/builder.ts'
import { crossEntropy } from '../../src/nn/losses.ts'
import { adam } from '../../src/nn/optimizers.ts'
import { createRandom } from '../../src/random.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { arrayExamples } from '../../src/training/examples.ts'
import { train } from '../../src/training/loop.ts'
import { compileStep } from '../../src/training/step.ts'
import { headBias, headWeight, withHead } from '../../src/transfer/head.ts'
import { createSide } from '../ours.ts'
import { startPytorch, writeNumbers } from '../pytorch.ts'
import type { Row } from '../row.ts'

const [count, columns, classes, batch] = [10_000, 1280, 10, 128]
const learningRate = 0.001
const repetitions = 3

/** An epoch of the loop in which heads are trained, on features that are already there. */
export const headEpoch: Row = {
  name: 'head-epoch',
  what: `an epoch of a head on ${count} cached features of ${columns} columns, Adam, batch ${batch}`,
  limit: { ms: 500 },
  async open({ folder, threads, pytorch }) {
    const random = createRandom('features')
    const features = Float32Array.from({ length: count * columns }, random.normal)
    const labels = Uint8Array.from({ length: count }, (_, row) =>
      largest(features.subarray(row * columns, row * columns + classes)),
    )
    const builder = createBuilder()
    builder.output(builder.input('features', 'float32', ['N', columns]))
    const step = await compileStep(
      {
        graph: withHead(builder.build(), columns, classes),
        loss: crossEntropy(),
        inputs: { features: { type: 'float32', dims: [batch, columns] } },
        trainable: [headWeight, headBias],
        optimizer: adam(),
      },
      nodeRuntime,
    )
    const options = {
      step,
      input: 'features',
      examples: arrayExamples(features, [columns]),
      labels,
      train: Array.from({ length: count }, (_, row) => row),
      batchSize: batch,
      learningRate,
      random,
    }
    const epochs = async (number: number) => {
      const losses: number[] = []
      step.reset()
      for await (const event of train({ ...options, epochs: number }))
        losses.push(event.trainingLoss)
      return losses
    }
    const losses = await epochs(2)
    const others = []
    if (pytorch) {
      const data = await writeNumbers(folder, 'head', [features, Float32Array.from(labels)])
      const settings = { data, count, columns, classes, batch, learningRate, repetitions }
      for (const used of new Set([threads, 1])) {
        others.push(
          await startPytorch(pytorch, `PyTorch, threads: ${used}`, 'head.py', {
            ...settings,
            threads: used,
          }),
        )
      }
    }
    return {
      ours: createSide(losses, repetitions, () => epochs(1), step.release),
      others,
      // Each side shuffles in its own way, so the mean losses of an epoch agree only about.
      tolerance: 0.03,
    }
  },
}

/** The class of a row is where the largest of its first values is: something that a head can learn. */
const largest = (values: Float32Array) => values.indexOf(Math.max(...values))
