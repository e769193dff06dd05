import { testRules } from '../../../testing/test-rules.ts'
import { layerNormalizationRules } from './layer-normalization.ts'

testRules(layerNormalizationRules, {
  GroupNormalization: {
    'a scale for each group': (d) => {
      const [groups, each] = d.integers(2, 1, 3) as [number, number]
      return {
        inputs: [
          d.normal([d.integer(1, 2), groups * each, 2, ...d.dims(1, 2, 3)]),
          d.awayFromZero([groups]),
          d.normal([groups]),
        ],
        attributes: { num_groups: groups, epsilon: 0.01 },
      }
    },
    'a scale for each channel': (d) => {
      const [groups, each] = d.integers(2, 1, 3) as [number, number]
      const channels = groups * each
      return {
        inputs: [
          d.normal([d.integer(1, 2), channels, 2, ...d.dims(1, 2, 3)]),
          d.awayFromZero([channels]),
          d.normal([channels]),
        ],
        attributes: { num_groups: groups },
        opset: 21,
      }
    },
  },
  InstanceNormalization: {
    'one to three dimensions': (d) => {
      const channels = d.integer(1, 3)
      return {
        inputs: [
          d.normal([d.integer(1, 2), channels, 3, ...d.dims(0, 2, 3)]),
          d.awayFromZero([channels]),
          d.normal([channels]),
        ],
        attributes: { epsilon: 0.01 },
      }
    },
  },
  LayerNormalization: {
    'over the last axes': (d) => {
      const dims = [...d.dims(0, 2), 4, 3]
      const axis = d.integer(-2, -1)
      const own = dims.slice(axis)
      const bias = d.boolean() ? [d.normal(own)] : []
      return {
        inputs: [d.normal(dims), d.awayFromZero(own), ...bias],
        attributes: { axis: d.one(axis, axis + dims.length), epsilon: 0.01 },
      }
    },
  },
  LRN: {
    'any window': (d) => ({
      inputs: [d.normal([d.integer(1, 2), d.integer(1, 6), ...d.integers(2, 1, 3)])],
      attributes: { size: d.one(1, 3, 5), alpha: 0.5, beta: d.one(0.75, 0.5), bias: d.one(1, 2) },
    }),
  },
  RMSNormalization: {
    'over the last axes': (d) => {
      const dims = [...d.dims(0, 2), 4, 3]
      const axis = d.integer(-2, -1)
      return {
        inputs: [d.normal(dims), d.awayFromZero(dims.slice(axis))],
        attributes: { axis, epsilon: 0.01 },
        opset: 23,
      }
    },
  },
  SimplifiedLayerNormalization: {
    'over the last axis': (d) => {
      const dims = [...d.dims(1, 2), 4]
      return {
        inputs: [d.normal(dims), d.awayFromZero([4])],
        attributes: { epsilon: 0.01 },
      }
    },
  },
})
