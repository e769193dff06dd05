import { join } from 'node:path'
import { countMultiplyAdds } from '../../src/graph/cost.ts'
import type { Graph } from '../../src/graph/graph.ts'
import type { TensorType } from '../../src/graph/tensor.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { inferTypes } from '../../src/runtime/types.ts'
import type { ImportedNetwork, Network } from '../networks.ts'
import { createSide } from '../ours.ts'
import { howToInstall, type Pytorch, startPytorch, writeNumbers } from '../pytorch.ts'
import type { Opened, Place, Row } from '../row.ts'
import type { Side } from '../side.ts'
import {
  drawBatch,
  type OptimizerName,
  optimizers,
  startTraining,
  type Training,
} from '../training.ts'

/** After a few more steps, rounding errors have grown into differences of their own. */
const checked = 2

export type TrainingRow = Pick<Row, 'name' | 'what' | 'limit'> & {
  readonly network: Network | ImportedNetwork
  readonly optimizer: OptimizerName
  /** Default: the optimizer's own. */
  readonly learningRate?: number
  readonly batch: number
  /** Steps of one round. */
  readonly repetitions: number
}

type StepRow = TrainingRow & {
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
  const { training, script, data, tolerance } = await prepare(row, place)
  const others: Side[] = []
  for (const { layout, threads = place.threads, memory = 'kept' } of row.others) {
    const name = `PyTorch, ${layout}, threads: ${threads}, memory ${memory}`
    const settings = { ...training, data, layout, threads, memory }
    others.push(await startPytorch(pytorch, name, script, settings))
  }
  const { graph, inputs, losses, run, capacity, release } = await startTraining(training)
  return {
    ours: createSide(losses, row.repetitions, () => run(capacity), release, capacity),
    others,
    flops: await stepFlops(graph, inputs),
    ...(tolerance && { tolerance }),
  }
}

/** What both sides are told, and the file of weights and of the batch for those who read it. */
export async function prepare(row: TrainingRow, { folder }: Pick<Place, 'folder'>) {
  const { name, network, optimizer, batch, repetitions } = row
  const { input } = network
  const imported = 'batchStatistics' in network
  const training: Training = {
    network: network.name,
    ...(imported && {
      batchStatistics: network.batchStatistics,
      model: join(folder, `${name}.onnx`),
    }),
    optimizer,
    learningRate: row.learningRate ?? optimizers[optimizer].learningRate,
    batch,
    input,
    checked,
    repetitions,
  }
  const { pixels, labels } = drawBatch(training)
  const weights = imported ? [] : weightsInOrder(network.build())
  const data = await writeNumbers(folder, name, [...weights, pixels, Float32Array.from(labels)])
  const script = imported ? 'imported.py' : 'built.py'
  return { training, script, data, ...(imported && { tolerance: 0.01 }) }
}

/** Weights and biases in the order of the layers, which is PyTorch's. */
function weightsInOrder({ nodes, initializers }: Graph): Float32Array[] {
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
