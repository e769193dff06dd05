import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readModel } from '../../src/graph/read.ts'
import { crossEntropy } from '../../src/nn/losses.ts'
import { sgd } from '../../src/nn/optimizers.ts'
import { nodeRuntime } from '../../src/runtime/node.ts'
import { trainableParameters } from '../../src/training/loop.ts'
import { compileStep } from '../../src/training/step.ts'
import { createSide } from '../ours.ts'
import { howToInstall, startPytorch, writeNumbers } from '../pytorch.ts'
import type { Limit, Row } from '../row.ts'

const batch = 32
const input = [3, 64, 64]

type CompileRow = Pick<Row, 'name' | 'what'> & {
  readonly limit: Limit | null
  /** Whether an equal step is in use all the while, so that the cache has it. */
  readonly again: boolean
}

/** Compiling a training step of a ResNet-50 that torchvision exports, all parameters trained. */
export function compileRow({ name, what, limit, again }: CompileRow): Row {
  return {
    name,
    what,
    limit,
    async open({ folder, threads, pytorch }) {
      if (!pytorch) return { missing: howToInstall }
      const model = join(folder, 'resnet50.onnx')
      const size = batch * input.reduce((product, dim) => product * dim, 1)
      const exporter = await startPytorch(pytorch, 'PyTorch', 'imported.py', {
        network: 'resnet50',
        model,
        batchStatistics: false,
        batch,
        input,
        data: await writeNumbers(folder, name, [new Float32Array(size + batch)]),
        optimizer: 'momentum',
        learningRate: 0.01,
        layout: 'contiguous',
        threads,
        checked: 0,
        repetitions: 0,
      })
      await exporter.close()
      const graph = readModel(await readFile(model))
      // Each runtime has a cache of its own.
      const compile = (runtime = { ...nodeRuntime }) =>
        compileStep(
          {
            graph,
            loss: crossEntropy(),
            inputs: { input: { type: 'float32', dims: [batch, ...input] } },
            trainable: trainableParameters(graph),
            optimizer: sgd({ momentum: 0.9 }),
          },
          runtime,
        )
      const shared = { ...nodeRuntime }
      const kept = again ? await compile(shared) : null
      const repeat = async () => (await compile(again ? shared : undefined)).release()
      return {
        ours: createSide([], 1, repeat, async () => kept?.release()),
        others: [],
      }
    },
  }
}
