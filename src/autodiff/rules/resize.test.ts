import type { Draw } from '../../../testing/generate.ts'
import { testRules } from '../../../testing/test-rules.ts'
import { float32, int64 } from '../../graph/tensor.ts'
import { resizeRules } from './resize.ts'

const coordinates = [
  'half_pixel',
  'pytorch_half_pixel',
  'half_pixel_symmetric',
  'align_corners',
  'asymmetric',
] as const

/** An image of some channels and the size or the scales that it is resized to. */
function resized(d: Draw) {
  const dims = [d.integer(1, 2), d.integer(1, 2), d.integer(1, 5), d.integer(1, 5)]
  const bySizes = [undefined, undefined, int64([4], [...dims.slice(0, 2), ...d.integers(2, 1, 8)])]
  const byScales = [
    undefined,
    float32([4], [1, 1, d.one(1, 2, 1.5, 0.6, 3), d.one(2, 1, 0.5, 2.3)]),
  ]
  // Fewer pixels than one is no image.
  const possible = dims.map((dim) => Math.max(dim, 2))
  return d.boolean()
    ? { inputs: [d.normal(dims), ...bySizes] }
    : { inputs: [d.normal(possible), ...byScales], fixed: [2] }
}

testRules(resizeRules, {
  Resize: {
    nearest: (d) => ({
      ...resized(d),
      attributes: {
        mode: 'nearest',
        coordinate_transformation_mode: d.one(...coordinates),
        nearest_mode: d.one('round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'),
      },
      opset: 19,
    }),
    'nearest by whole scales': (d) => ({
      inputs: [
        d.normal(d.dims(4, 4)),
        undefined,
        float32([4], [1, 1, d.integer(1, 3), d.integer(1, 3)]),
      ],
      fixed: [2],
      attributes: {
        mode: 'nearest',
        coordinate_transformation_mode: d.one(...coordinates),
        nearest_mode: d.one('round_prefer_floor', 'round_prefer_ceil', 'floor'),
      },
      opset: 19,
    }),
    'nearest along the batch': (d) => ({
      inputs: [d.normal(d.dims(2, 2)), undefined, float32([2], [d.integer(1, 3), 1.5])],
      fixed: [2],
    }),
    linear: (d) => ({
      ...resized(d),
      attributes: { mode: 'linear', coordinate_transformation_mode: d.one(...coordinates) },
      opset: 19,
    }),
    'linear in one dimension': (d) => ({
      inputs: [d.normal(d.dims(3, 3)), undefined, undefined, int64([1], [d.integer(1, 9)])],
      attributes: { mode: 'linear', axes: [2] },
    }),
    cubic: (d) => ({
      ...resized(d),
      attributes: {
        mode: 'cubic',
        coordinate_transformation_mode: d.one(...coordinates),
        cubic_coeff_a: d.one(-0.75, -0.5),
        exclude_outside: d.integer(0, 1),
      },
      opset: 19,
    }),
    antialiased: (d) => ({
      ...resized(d),
      attributes: { mode: d.one('linear', 'cubic'), antialias: 1 },
    }),
    'cropped, with a border': (d) => ({
      inputs: [
        d.normal([1, 2, 4, 5]),
        float32([8], [0, 0, d.one(-0.4, 0.1), 0.2, 1, 1, d.one(0.8, 1.3), 0.9]),
        undefined,
        int64([4], [1, 2, ...d.integers(2, 2, 6)]),
      ],
      fixed: [1],
      attributes: {
        mode: 'linear',
        coordinate_transformation_mode: 'tf_crop_and_resize',
        extrapolation_value: 2,
      },
    }),
  },
})
