import type { Draw } from '../../../testing/generate.ts'
import { testRules } from '../../../testing/test-rules.ts'
import type { Tensor } from '../../graph/tensor.ts'
import { normalizationRules } from './normalization.ts'

const double = ({ dims, data }: Tensor): Tensor => ({
  type: 'float64',
  dims,
  data: Float64Array.from(data as Float32Array),
})

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

testRules(normalizationRules, {
  BatchNormalization: {
    'with running statistics': (d) => ({ inputs: layer(d), attributes: { epsilon: 0.01 } }),
    'with running statistics, in double precision': (d) => ({ inputs: layer(d).map(double) }),
  },
  // What BatchNormalization in training mode is rewritten to.
  'graft.BatchNormalization': {},
  LogSoftmax: softmax,
  Softmax: softmax,
})
