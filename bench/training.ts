import { readFile } from 'node:fs/promises'
import type { Graph } from '../src/graph/graph.ts'
import { readModel } from '../src/graph/read.ts'
import { float32, int64, sizeOf, type TensorType } from '../src/graph/tensor.ts'
import { crossEntropy, targetsInput, weightsInput } from '../src/nn/losses.ts'
import { adam, type Optimizer, sgd } from '../src/nn/optimizers.ts'
import { createRandom } from '../src/random.ts'
import { nodeRuntime } from '../src/runtime/node.ts'
import { trainableParameters } from '../src/training/loop.ts'
import { compileStep } from '../src/training/step.ts'
import { networks } from './networks.ts'

/** The training that the sides of a row do, as it is told to processes of their own. */
export type Training = {
  /** A key of `networks.ts` and `pytorch/networks.py`, or of `pytorch/imported.py`. */
  readonly network: string
  /** The file that an imported network is in. */
  readonly model?: string
  /** Whether batch normalization takes the statistics of the batch; default no. */
  readonly batchStatistics?: boolean
  readonly optimizer: OptimizerName
  readonly learningRate: number
  readonly batch: number
  /** The dimensions of one example. */
  readonly input: readonly [number, number, number]
  /** Steps from equal weights whose losses are compared. */
  readonly checked: number
  /** Steps of one round. */
  readonly repetitions: number
}

/** The keys are those of `pytorch/step.py`. */
export const optimizers = {
  sgd: { optimizer: sgd(), learningRate: 0.01 },
  momentum: { optimizer: sgd({ momentum: 0.9 }), learningRate: 0.01 },
  adam: { optimizer: adam(), learningRate: 0.001 },
} satisfies Readonly<Record<string, { optimizer: Optimizer; learningRate: number }>>

export type OptimizerName = keyof typeof optimizers

export const classes = 10

/** The one batch that all steps are made on. */
export function drawBatch({ batch, input }: Pick<Training, 'batch' | 'input'>) {
  const random = createRandom('batch')
  const dims = [batch, ...input]
  const pixels = Float32Array.from({ length: sizeOf(dims) }, random.uniform)
  const labels = Array.from({ length: batch }, () => random.integer(classes))
  return { dims, pixels, labels }
}

/** Our side of a training: compiles the step and makes the first ones. */
export async function startTraining(training: Training) {
  const { network, model, optimizer, learningRate, batch, batchStatistics = false } = training
  const built = networks.find(({ name }) => name === network)
  const graph = model ? readModel(await readFile(model)) : (built?.build() as Graph)
  const { dims, pixels, labels } = drawBatch(training)
  const input = graph.inputs[0]?.name as string
  const inputs: Readonly<Record<string, TensorType>> = { [input]: { type: 'float32', dims } }
  const step = await compileStep(
    {
      graph,
      loss: crossEntropy(),
      inputs,
      trainable: trainableParameters(graph),
      batchStatistics,
      optimizer: optimizers[optimizer].optimizer,
    },
    nodeRuntime,
  )
  const feeds = {
    [input]: float32(dims, pixels),
    [targetsInput]: int64([batch], labels),
    [weightsInput]: float32([batch], new Float32Array(batch).fill(1)),
  }
  const random = createRandom('masks')
  const run = (count: number) => step.runAll(Array(count).fill({ feeds, learningRate }), random)
  const losses: number[] = []
  for (let i = 0; i < training.checked; i++) losses.push(...(await run(1)).map(({ loss }) => loss))
  return { graph, inputs, losses, run, capacity: step.capacity, release: step.release }
}
