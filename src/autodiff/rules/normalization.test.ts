import { expect, test } from 'vitest'
import { type Draw, double } from '../../../testing/generate.ts'
import { operatorGraph } from '../../../testing/operator-graph.ts'
import { vjp } from '../../../testing/runtime.ts'
import { testRules } from '../../../testing/test-rules.ts'
import { float32, sizeOf, type Tensor } from '../../graph/tensor.ts'
import { createRandom } from '../../random.ts'
import { normalizationRules } from './normalization.ts'

/** A batch with enough values a channel to have a variance, and the four vectors of the layer. */
function layer(d: Draw) {
  const channels = d.integer(1, 3)
  const dims = [
    d.integer(3, 4),
    channels,
    ...Array.from({ length: d.integer(0, 3) }, () => d.integer(2, 3)),
  ]
  const vector = () => d.normal([channels])
  return [
    d.normal(dims),
    d.awayFromZero([channels]),
    vector(),
    vector(),
    d.between([channels], 0.5, 2),
  ]
}

const softmax = {
  'any axis': (d: Draw) => {
    const dims = d.dims(1, 4)
    return {
      inputs: [d.normal(dims)],
      attributes: { axis: d.integer(-dims.length, dims.length - 1) },
    }
  },
}

// What BatchNormalization becomes on the way to its gradient, in training mode and with frozen statistics; no file holds it, and the tests of those rewrites
// hold their gradients against those of the operator.
const {
  'graft.BatchNormalization': _,
  'graft.ChannelAffine': __,
  'graft.ChannelMoments': ___,
  ...rules
} = normalizationRules

testRules(rules, {
  BatchNormalization: {
    'with running statistics': (d) => ({ inputs: layer(d), attributes: { epsilon: 0.01 } }),
    'with the statistics of the batch': (d) => ({
      inputs: layer(d),
      fixed: [3, 4],
      attributes: { training_mode: 1, epsilon: 0.01 },
      outputs: 3,
    }),
    'with the statistics of the batch, in double precision': (d) => ({
      inputs: layer(d).map(double),
      fixed: [3, 4],
      attributes: { training_mode: 1, epsilon: 0.01 },
      outputs: 3,
    }),
    'with running statistics, in double precision': (d) => ({ inputs: layer(d).map(double) }),
  },
  LogSoftmax: softmax,
  Softmax: softmax,
})

test('a mean of a thousand deviations costs the gradient of a batch no digits', async () => {
  const random = createRandom(1)
  const dims = [6, 2, 3, 3]
  const normal = (shape: readonly number[]) =>
    float32(
      shape,
      Array.from({ length: sizeOf(shape) }, () => random.normal()),
    )
  // Multiples of 1/64, so that the shift itself is exact.
  const x = float32(
    dims,
    Array.from({ length: sizeOf(dims) }, () => Math.round(64 * random.normal()) / 64),
  )
  const cotangent = normal(dims)
  const [scale, bias, mean, variance] = [[2], [2], [2], [2]].map(normal) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ]
  const gradient = async (shift: number) => {
    const moved = float32(
      dims,
      (x.data as Float32Array).map((value) => value + shift),
    )
    const { graph, inputs } = operatorGraph('BatchNormalization', {
      inputs: [moved, scale, bias, mean, variance],
      attributes: { training_mode: 1 },
      outputs: 3,
    })
    const { x0 } = await vjp(graph, inputs, { BatchNormalization: cotangent }, ['x0'])
    return Array.from(x0?.data as Float32Array)
  }
  const [near, far] = [await gradient(0), await gradient(1000)]
  const error = Math.max(...near.map((value, i) => Math.abs(value - (far[i] as number))))
  expect(error).toBeLessThan(1e-4 * Math.max(...near.map(Math.abs)))
})
