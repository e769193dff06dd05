import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { countMultiplyAdds } from '../../src/graph/cost.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { readModel } from '../../src/graph/read.ts'
import { float32, int64, sizeOf, type TensorType } from '../../src/graph/tensor.ts'
import { crossEntropy, targetsInput, weightsInput } from '../../src/nn/losses.ts'
import { adam, type Optimizer, sgd } from '../../src/nn/optimizers.ts'
import { createRandom } from '../../src/random.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { inferTypes } from '../../src/runtime/types.ts'
import { trainableParameters } from '../../src/training/loop.ts'
import { compileStep } from '../../src/training/step.ts'
import type { ImportedNetwork, Network } from '../networks.ts'
import { createSide } from '../ours.ts'
import { howToInstall, type Pytorch, startPytorch, writeNumbers } from '../pytorch.ts'
import type { Opened, Place, Row } from '../row.ts'
import type { Side } from '../side.ts'

/** The keys are those of `pytorch/step.py`. */
const optimizers: Readonly<Record<string, { optimizer: Optimizer; learningRate: number }>> = {
  sgd: { optimizer: sgd(), learningRate: 0.01 },
  momentum: { optimizer: sgd({ momentum: 0.9 }), learningRate: 0.01 },
  adam: { optimizer: adam(), learningRate: 0.001 },
}

/** Steps from equal weights whose losses are compared; after a few more, rounding errors have grown into differences of their own. */
const checked = 2
const classes = 10

type StepRow = Pick<Row, 'name' | 'what' | 'limit'> & {
  readonly network: Network | ImportedNetwork
  readonly optimizer: 'sgd' | 'momentum' | 'adam'
  /** Default: the optimizer's own, above. */
  readonly learningRate?: number
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
  const { input } = network
  const random = createRandom('batch')
  const dims = [batch, ...input]
  const pixels = Float32Array.from({ length: sizeOf(dims) }, random.uniform)
  const labels = Array.from({ length: batch }, () => random.integer(classes))
  const weights = 'graph' in network ? weightsInOrder(network) : []
  const data = await writeNumbers(place.folder, row.name, [
    ...weights,
    pixels,
    Float32Array.from(labels),
  ])
  const { learningRate, ...update } = {
    ...(optimizers[optimizer] as (typeof optimizers)[string]),
    ...(row.learningRate && { learningRate: row.learningRate }),
  }
  const model = join(place.folder, `${row.name}.onnx`)
  const common = {
    network: network.name,
    ...('batchStatistics' in network && { batchStatistics: network.batchStatistics, model }),
    optimizer,
    learningRate,
    batch,
    input,
    data,
    checked,
    repetitions,
  }
  const others: Side[] = []
  for (const { layout, threads = place.threads, memory = 'kept' } of row.others) {
    const name = `PyTorch, ${layout}, threads: ${threads}, memory ${memory}`
    const script = 'graph' in network ? 'built.py' : 'imported.py'
    const settings = { ...common, layout, threads, memory }
    others.push(await startPytorch(pytorch, name, script, settings))
  }

  const graph = 'graph' in network ? network.graph : readModel(await readFile(model))
  const name = graph.inputs[0]?.name as string
  const types = { [name]: { type: 'float32', dims } } as const
  const step = await compileStep(
    {
      graph,
      loss: crossEntropy(),
      inputs: types,
      trainable: trainableParameters(graph),
      batchStatistics: 'batchStatistics' in network && network.batchStatistics,
      ...update,
    },
    nodeRuntime,
  )
  const feeds = {
    [name]: float32(dims, pixels),
    [targetsInput]: int64([batch], labels),
    [weightsInput]: float32([batch], new Float32Array(batch).fill(1)),
  }
  const run = (count: number) => step.runAll(Array(count).fill({ feeds, learningRate }), random)
  const losses: number[] = []
  for (let i = 0; i < checked; i++) losses.push(...(await run(1)).map(({ loss }) => loss))
  return {
    ours: createSide(losses, repetitions, () => run(step.capacity), step.release, step.capacity),
    others,
    flops: await stepFlops(graph, types),
    ...('batchStatistics' in network && { tolerance: 0.01 }),
  }
}

/** Weights and biases in the order of the layers, which is PyTorch's. */
function weightsInOrder({ graph: { nodes, initializers } }: Network): Float32Array[] {
  return nodes
    .filter(({ operator }) => operator === 'Conv' || operator === 'Gemm')
    .flatMap(({ inputs }) => inputs.filter((name) => initializers.has(name)))
    .map((name) => initializers.get(name)?.data as Float32Array)
}

/** Forward, the gradient of the weights, and the gradient of the activations, which the first layer does not need. */
async function stepFlops(graph: Graph, inputs: Readonly<Record<string, TensorType>>) {
  const { graph: typed, types } = await inferTypes(graph, inputs, nodeRuntime)
  const first = typed.nodes.findIndex(({ operator }) => operator === 'Conv' || operator === 'Gemm')
  const all = countMultiplyAdds(typed, types)
  return (
    2 * (3 * all - countMultiplyAdds({ ...typed, nodes: typed.nodes.slice(0, first + 1) }, types))
  )
}
