import { describe, expect, it } from 'vitest'
import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { float32 } from '../graph/tensor.ts'
import { inputName, outputName } from '../nn/architectures.ts'
import { batchNormalization, conv, dense, globalAveragePool, sequential } from '../nn/layers.ts'
import { crossEntropy, targetsInput, weightsInput } from '../nn/losses.ts'
import { sgd } from '../nn/optimizers.ts'
import { createRandom } from '../random.ts'
import { blockSize, type LoweringName } from '../runtime/lowering.ts'
import { nodeRuntime } from '../runtime/node.ts'
import { compileStep } from './step.ts'

const batch = 4

type Case = { channels: number; size: number; kernel: number; stride: number; padding: number }

/** Pointwise, depthwise and ordinary convolutions, with a residue of every kind that strides leave. */
function network({ channels, size, kernel, stride, padding }: Case): Graph {
  const random = createRandom('lowering')
  const builder = createBuilder()
  const dims = [3, size, size]
  const x = { name: builder.input(inputName, 'float32', ['N', ...dims]), dims }
  const { name } = sequential({
    pointwise: conv(channels, 1),
    depthwise: conv(channels, kernel, { stride, padding, groups: channels }),
    dense: conv(2 * channels, 3),
    narrow: conv(channels, 3),
    norm: batchNormalization(),
    again: conv(channels, 3, { groups: channels, bias: false }),
    pool: globalAveragePool(),
    head: dense(3),
  })({ builder, random }, x, '')
  builder.output(builder.alias(outputName, name))
  return builder.build()
}

async function parametersAfterStep(given: Case, lowering: LoweringName) {
  const graph = network(given)
  const dims = [batch, 3, given.size, given.size]
  const random = createRandom('input')
  const step = await compileStep(
    {
      graph,
      lowering,
      loss: crossEntropy(),
      inputs: { [inputName]: { type: 'float32', dims } },
      trainable: [...graph.initializers.keys()].filter((name) => !name.includes('running')),
      optimizer: sgd(),
    },
    nodeRuntime,
  )
  const count = batch * 3 * given.size ** 2
  await step.run(
    {
      [inputName]: float32(dims, Float32Array.from({ length: count }, random.normal)),
      [targetsInput]: { type: 'int64', dims: [batch], data: BigInt64Array.of(0n, 1n, 2n, 1n) },
      [weightsInput]: float32([batch], [1, 1, 1, 1]),
    },
    { learningRate: 1, random },
  )
  const parameters = step.parameters()
  await step.release()
  return parameters
}

describe('the blocked lowering computes what the standard one does', async () => {
  const block = await blockSize(nodeRuntime)
  const cases: Case[] = [
    { channels: 16, size: 8, kernel: 3, stride: 1, padding: 1 },
    { channels: 16, size: 8, kernel: 3, stride: 2, padding: 1 },
    { channels: 12, size: 8, kernel: 3, stride: 2, padding: 1 },
    { channels: 32, size: 9, kernel: 3, stride: 2, padding: 1 },
    { channels: 20, size: 12, kernel: 5, stride: 2, padding: 2 },
    { channels: 16, size: 12, kernel: 5, stride: 3, padding: 2 },
    { channels: 16, size: 10, kernel: 3, stride: 1, padding: 0 },
    { channels: 6, size: 8, kernel: 3, stride: 2, padding: 1 },
    { channels: 16, size: 8, kernel: 2, stride: 2, padding: 0 },
  ]
  it.skipIf(block === 0).each(cases)('%j', async (given) => {
    const standard = await parametersAfterStep(given, 'standard')
    const blocked = await parametersAfterStep(given, 'blocked')
    const first = network(given).initializers
    for (const [name, { data }] of standard) {
      const start = first.get(name)?.data as Float32Array
      const change = (values: Float32Array) =>
        values.map((value, i) => value - (start[i] as number))
      const wanted = change(data as Float32Array)
      const got = change(blocked.get(name)?.data as Float32Array)
      const norm = Math.hypot(...wanted)
      expect(norm, name).toBeGreaterThan(0)
      expect(
        Math.hypot(...wanted.map((value, i) => value - (got[i] as number))),
        name,
      ).toBeLessThan(1e-4 * norm)
    }
  })
})
