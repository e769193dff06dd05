import { describe, expect, test } from 'vitest'
import { largestError } from '../../testing/golden.ts'
import { readBytes } from '../../testing/read-bytes.ts'
import { run, runtime } from '../../testing/runtime.ts'
import { networkOf, normal, ones, stepOptions } from '../../testing/training-steps.ts'
import { readModel } from '../graph/read.ts'
import { float32, int64, type Tensor } from '../graph/tensor.ts'
import { batchNormalization, conv, dense, flatten, sequential } from '../nn/layers.ts'
import { targetsInput, weightsInput } from '../nn/losses.ts'
import { createRandom } from '../random.ts'
import { inferTypes } from '../runtime/types.ts'
import { withParameters } from './forward.ts'
import {
  isBatchNormalization,
  normalizationLayers,
  withNormalizationModes,
} from './normalization-layers.ts'
import { compileStep } from './step.ts'

const golden = async (name: string) =>
  readModel(await readBytes(`test/golden/gradients/${name}.onnx`))

const layersOf = async (name: string) => {
  const graph = await golden(name)
  const x = { type: 'float32', dims: graph.inputs[0]?.dims as number[] } as const
  const { graph: typed, types } = await inferTypes(graph, { x }, runtime)
  return normalizationLayers(typed, types)
}

test('lists what the file says of each layer', async () => {
  const [layer, ...more] = await layersOf('batch-norm-2d-opset15')
  expect(more).toEqual([])
  const node = (await golden('batch-norm-2d-opset15')).nodes.find(isBatchNormalization)?.name
  const settings = { channels: 4, epsilon: 0.001, momentum: 0.9 }
  expect(layer).toEqual({ node, ...settings, mode: 'inference', defaultStatistics: false })
})

test.each([12, 13, 14, 15, 17])('a file in training mode says so, opset %d', async (opset) => {
  expect(await layersOf(`batch-norm-train-opset${opset}`)).toMatchObject([{ mode: 'training' }])
})

describe('a network with two normalizations', () => {
  const first = networkOf(
    sequential({
      conv: conv(3, 3),
      below: batchNormalization(),
      next: conv(4, 3),
      above: batchNormalization(),
      flatten: flatten(),
      head: dense(2),
    }),
    [2, 4, 4],
  )
  const network = withParameters(
    first,
    new Map([
      ['below.weight', float32([3], [0.5, 1.5, -1])],
      ['below.bias', float32([3], [0.3, -0.1, 0.2])],
      ['above.running_mean', float32([4], [0.1, -0.2, 0.3, 0])],
    ]),
  )
  const nodes = network.nodes.filter(isBatchNormalization)
  const [below = '', above = ''] = nodes.map(({ name, outputs }) => name || (outputs[0] as string))
  const x = normal([5, 2, 4, 4])
  const feeds = { x, [targetsInput]: int64([5], [0, 1, 1, 0, 1]), [weightsInput]: ones(5) }

  test('tells statistics that were never estimated from others', async () => {
    const types = { x: { type: 'float32', dims: [5, 2, 4, 4] } } as const
    const typed = await inferTypes(network, types, runtime)
    const found = normalizationLayers(typed.graph, typed.types)
    expect(
      found.map(({ node, channels, defaultStatistics }) => [node, channels, defaultStatistics]),
    ).toEqual([
      [below, 3, true],
      [above, 4, false],
    ])
  })

  test.each([
    ['the lower one', [below]],
    ['the upper one', [above]],
    ['both', [below, above]],
    ['none', []],
  ])('a step trains with the statistics of the batch in %s', async (_, names) => {
    const training = new Set(names)
    const step = await compileStep(
      stepOptions(network, [5, 2, 4, 4], { batchStatistics: training }),
      runtime,
    )
    await step.run(feeds, { learningRate: 0.1, random: createRandom(1) })
    const after = step.parameters()
    await step.release()
    const carried = nodes.filter(({ name, outputs }) =>
      training.has(name || (outputs[0] as string)),
    )
    const statistics = [...after.keys()].filter((name) => name.includes('running'))
    expect(statistics.sort()).toEqual(carried.flatMap(({ inputs }) => inputs.slice(3)).sort())

    for (const { inputs } of carried) {
      const batch = await batchStatistics(training, inputs[0] as string)
      for (const [index, name] of inputs.slice(3).entries()) {
        const { dims, data } = network.initializers.get(name) as Tensor
        const blended = batch[index]?.map((value, i) => 0.9 * Number(data[i]) + 0.1 * value) ?? []
        expect(largestError(after.get(name), float32(dims, blended)), name).toBeLessThan(1e-5)
      }
    }
  })

  /** Mean and unbiased variance of a value over the batch, where the layers named normalize by those of the batch. */
  async function batchStatistics(training: ReadonlySet<string>, name: string) {
    const modes = withNormalizationModes(network, training)
    const { dims, data } = (await run(outputsOfTraining({ ...modes, outputs: [{ name }] }), { x }))[
      name
    ] as Tensor
    const [rows, channels] = dims as [number, number]
    const positions = data.length / rows / channels
    const values = Array.from({ length: channels }, (_, channel) =>
      Array.from(data, Number).filter((_, i) => Math.floor(i / positions) % channels === channel),
    )
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
    const mean = values.map((own) => sum(own) / own.length)
    const variance = values.map(
      (own, channel) =>
        sum(own.map((value) => (value - (mean[channel] as number)) ** 2)) / (own.length - 1),
    )
    return [mean, variance]
  }

  /** ONNX Runtime runs training mode only where the running statistics are outputs of the node. */
  function outputsOfTraining(graph: typeof network) {
    return {
      ...graph,
      nodes: graph.nodes.map((node) =>
        node.attributes.training_mode?.value === 1
          ? {
              ...node,
              outputs: [
                node.outputs[0] as string,
                `${node.inputs[3]} new`,
                `${node.inputs[4]} new`,
              ],
            }
          : node,
      ),
    }
  }

  test('a step refuses a name that no layer has', async () => {
    const options = stepOptions(network, [5, 2, 4, 4], { batchStatistics: new Set(['norm9']) })
    await expect(compileStep(options, runtime)).rejects.toMatchObject({
      code: 'bad-input',
      message: 'the network has no batch normalization "norm9"',
    })
  })
})

test('a layer of a file in training mode can be frozen: its running statistics stay what they were', async () => {
  const graph = await golden('batch-norm-train-opset15')
  const frozen = withNormalizationModes(graph, false)
  const [node] = graph.nodes.filter(isBatchNormalization)
  const outputs = (node?.outputs ?? []).map((name) => ({ name }))
  const dims = graph.inputs[0]?.dims as number[]
  const results = await run({ ...frozen, outputs }, { x: normal(dims) })
  expect(results[outputs[1]?.name as string]).toEqual(
    graph.initializers.get(node?.inputs[3] as string),
  )
  expect(results[outputs[2]?.name as string]).toEqual(
    graph.initializers.get(node?.inputs[4] as string),
  )
})
