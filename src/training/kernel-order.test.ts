import { expect, test } from 'vitest'
import { largestError, slice } from '../../testing/golden.ts'
import { run, runtime, vjp } from '../../testing/runtime.ts'
import { networkOf, normal, ones, stepOptions } from '../../testing/training-steps.ts'
import { float32, int64, type Tensor } from '../graph/tensor.ts'
import { activations, batchNormalization, conv, dense, flatten, sequential } from '../nn/layers.ts'
import { targetsInput, weightsInput } from '../nn/losses.ts'
import { sgd } from '../nn/optimizers.ts'
import { createRandom } from '../random.ts'
import { toChannelOrder, toPixelOrder } from './kernel-order.ts'
import { compileStep } from './step.ts'

const random = createRandom(1)

test('the order of pixels puts the channels last, and the order of channels is its inverse', () => {
  const dims = [2, 3, 2, 2]
  const values = Float32Array.from({ length: 24 }, (_, i) => i)
  const pixels = toPixelOrder(values, dims)
  for (const [f, c, y, x] of [
    [0, 0, 0, 0],
    [0, 2, 1, 0],
    [1, 1, 0, 1],
    [1, 2, 1, 1],
  ] as const) {
    expect(pixels[((f * 2 + y) * 2 + x) * 3 + c]).toBe(((f * 3 + c) * 2 + y) * 2 + x)
  }
  expect(toChannelOrder(pixels, dims)).toEqual(values)
})

test.each([
  {
    order: 'with the channels last',
    layers: {
      conv: conv(6, 3),
      norm: batchNormalization(),
      act: activations.relu.layer(),
      again: conv(5, 2, { padding: 0 }),
    },
    dims: [2, 4, 3, 4],
  },
  {
    order: 'tap by tap',
    // The outer taps see nothing but padding.
    layers: { conv: conv(320, 3) },
    dims: [64, 320, 1, 1],
  },
])(
  'kernels on small maps, which are carried $order, move by their gradients',
  async ({ layers, dims }) => {
    const [batch, ...input] = dims as [number, ...number[]]
    const network = networkOf(sequential({ ...layers, flatten: flatten(), head: dense(3) }), input)
    const step = await compileStep(
      stepOptions(network, dims, { optimizer: sgd({ momentum: 0.5 }) }),
      runtime,
    )
    const x = normal(dims)
    const kernels = ['conv.weight', 'again.weight'].filter((name) => network.initializers.has(name))
    const logits = network.outputs[0]?.name as string
    const output = (await run(network, { x }))[logits] as Tensor
    // The gradient of the cross-entropy, the mean over all images.
    const labels = Array.from({ length: batch }, (_, row) => row % 3)
    const cotangent = float32(
      [batch, 3],
      labels.flatMap((own, row) => {
        const values = Array.from(slice(output, row).data, Number)
        const sum = values.reduce((total, value) => total + Math.exp(value), 0)
        return values.map(
          (value, label) => (Math.exp(value) / sum - (label === own ? 1 : 0)) / batch,
        )
      }),
    )
    const gradients = await vjp(network, { x }, { [logits]: cotangent }, kernels)
    const feeds = { x, [targetsInput]: int64([batch], labels), [weightsInput]: ones(batch) }
    await step.run(feeds, { learningRate: 1, random })
    const [moved, state] = [step.parameters(), step.state()]
    for (const name of kernels) {
      const gradient = gradients[name] as Tensor
      const start = network.initializers.get(name) as Tensor
      const expected = Array.from(start.data, Number).map(
        (value, i) => value - Number(gradient.data[i]),
      )
      expect(largestError(moved.get(name), float32(start.dims, expected)), name).toBeLessThan(2e-5)
    }
    // A state taken up again goes on as if nothing had happened, and so does a new start from parameters.
    const next = await step.run(feeds, { learningRate: 1, random })
    step.reset()
    step.restore(state)
    expect(step.parameters()).toEqual(moved)
    expect(await step.run(feeds, { learningRate: 1, random })).toEqual(next)
    step.reset(moved)
    expect(step.parameters()).toEqual(moved)
    await step.release()
  },
)
