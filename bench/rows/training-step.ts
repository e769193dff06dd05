import { countMultiplyAdds } from '../../src/graph/cost.ts'
import { float32, int64, type TensorType } from '../../src/graph/tensor.ts'
import { crossEntropy, targetsInput, weightsInput } from '../../src/nn/losses.ts'
import { adam, type Optimizer, sgd } from '../../src/nn/optimizers.ts'
import { createRandom } from '../../src/random.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { inferTypes } from '../../src/runtime/types.ts'
import { compileStep } from '../../src/training/step.ts'
import type { Network } from '../networks.ts'
import { createSide } from '../ours.ts'
import { howToInstall, type Pytorch, startPytorch, writeNumbers } from '../pytorch.ts'
import type { Opened, Place, Row } from '../row.ts'

/** The keys are those of `pytorch/step.py`. */
const optimizers: Readonly<Record<string, { optimizer: Optimizer; learningRate: number }>> = {
  sgd: { optimizer: sgd(), learningRate: 0.01 },
  momentum: { optimizer: sgd({ momentum: 0.9 }), learningRate: 0.01 },
  adam: { optimizer: adam(), learningRate: 0.001 },
}

/** Steps from equal weights whose losses are compared. */
const checked = 3
const classes = 10

type StepRow = Pick<Row, 'name' | 'what' | 'limit'> & {
  readonly network: Network
  readonly optimizer: 'sgd' | 'momentum' | 'adam'
  readonly batch: number
  /** Steps of one round. */
  readonly repetitions: number
  /** The ways in which PyTorch runs it. */
  readonly others: readonly {
    readonly layout: 'contiguous' | 'channels_last'
    readonly threads?: number
    readonly memory?: 'kept' | 'returned'
  }[]
}

/** A training step, forward, backward and update, from the same weights and on the same batch as in PyTorch. */
export function trainingStep(row: StepRow): Row {
  const { name, what, limit } = row
  return {
    name,
    what,
    limit,
    open: async (place) =>
      place.pytorch ? open(row, place, place.pytorch) : { missing: howToInstall },
  }
}

async function open(row: StepRow, place: Place, pytorch: Pytorch): Promise<Opened> {
  const { network, optimizer, batch, repetitions } = row
  const { graph, input } = network
  const random = createRandom('batch')
  const pixels = Float32Array.from(
    { length: batch * input[0] * input[1] * input[2] },
    random.uniform,
  )
  const labels = Array.from({ length: batch }, () => random.integer(classes))
  const types = {
    [graph.inputs[0]?.name as string]: { type: 'float32', dims: [batch, ...input] },
  } as const
  const feeds = {
    [graph.inputs[0]?.name as string]: float32([batch, ...input], pixels),
    [targetsInput]: int64([batch], labels),
    [weightsInput]: float32([batch], new Float32Array(batch).fill(1)),
  }
  const trainable = parametersInOrder(network)
  const { learningRate, ...update } = optimizers[optimizer] as (typeof optimizers)[string]
  const step = await compileStep(
    { graph, loss: crossEntropy(), inputs: types, trainable, ...update },
    nodeRuntime,
  )
  const run = (count: number) => step.runAll(Array(count).fill({ feeds, learningRate }), random)
  const losses: number[] = []
  for (let i = 0; i < checked; i++) losses.push(...(await run(1)).map(({ loss }) => loss))

  const weights = trainable.map((name) => graph.initializers.get(name)?.data as Float32Array)
  const data = await writeNumbers(place.folder, row.name, [
    ...weights,
    pixels,
    Float32Array.from(labels),
  ])
  const common = {
    network: network.name,
    optimizer,
    learningRate,
    batch,
    input,
    data,
    checked,
    repetitions,
  }
  const others = row.others.map(({ layout, threads = place.threads, memory = 'kept' }) => {
    const name = `PyTorch, ${layout}, threads: ${threads}, memory ${memory}`
    return startPytorch(pytorch, name, 'step.py', { ...common, layout, threads, memory })
  })
  return {
    ours: createSide(losses, repetitions, () => run(step.capacity), step.release, step.capacity),
    others: await Promise.all(others),
    flops: await stepFlops(network, types),
  }
}

/** Weights and biases in the order of the layers, which is PyTorch's. */
function parametersInOrder({ graph }: Network): string[] {
  const { initializers } = graph
  return graph.nodes
    .filter(({ operator }) => operator === 'Conv' || operator === 'Gemm')
    .flatMap(({ inputs }) => inputs.filter((name) => initializers.has(name)))
}

/** Forward, the gradient of the weights, and the gradient of the activations, which the first layer does not need. */
async function stepFlops({ graph }: Network, inputs: Readonly<Record<string, TensorType>>) {
  const { graph: typed, types } = await inferTypes(graph, inputs, nodeRuntime)
  const first = typed.nodes.findIndex(({ operator }) => operator === 'Conv' || operator === 'Gemm')
  const all = countMultiplyAdds(typed, types)
  return (
    2 * (3 * all - countMultiplyAdds({ ...typed, nodes: typed.nodes.slice(0, first + 1) }, types))
  )
}
