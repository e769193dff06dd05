import { type Draw, double } from '../../../testing/generate.ts'
import { testRules } from '../../../testing/test-rules.ts'
import { float32, sizeOf } from '../../graph/tensor.ts'
import { gridSampleRules } from './grid-sample.ts'

/**
 * An image, and a grid of samples inside it and up to an image outside. They stay 0.1 pixels away from the middles and the borders of pixels,
 * where interpolation or padding has its kinks.
 */
function sampled(d: Draw, rank: number) {
  const align_corners = d.integer(0, 1)
  // ONNX Runtime divides by the distance of the outermost pixels: there have to be two.
  const spatial = d.integers(rank, 2, 4)
  const [batch, channels] = d.integers(2, 1, 3) as [number, number]
  const output = d.integers(rank, 1, 3)
  const random = d.random()
  const coordinate = (size: number) => {
    const whole = random.integer(3 * size) - size
    const pixel = whole + random.integer(2) / 2 + 0.1 + 0.3 * random.uniform()
    return align_corners ? (2 * pixel) / (size - 1) - 1 : (2 * pixel + 1) / size - 1
  }
  const grid = Array.from({ length: batch * sizeOf(output) }, () =>
    spatial.toReversed().map(coordinate),
  )
  return {
    inputs: [
      d.normal([batch, channels, ...spatial]),
      float32([batch, ...output, rank], grid.flat()),
    ],
    attributes: { align_corners, padding_mode: d.one('zeros', 'border', 'reflection') },
  }
}

const planar = (mode: string, opset: number) => (d: Draw) => {
  const { inputs, attributes } = sampled(d, 2)
  return { inputs, attributes: { ...attributes, mode }, opset }
}

const spatial = (mode: string) => (d: Draw) => {
  const { inputs, attributes } = sampled(d, 3)
  return { inputs, attributes: { ...attributes, mode }, opset: 20 }
}

testRules(
  gridSampleRules,
  {
    GridSample: {
      'nearest, operator set 16': planar('nearest', 16),
      'nearest, operator set 22': planar('nearest', 22),
      'nearest in space': spatial('nearest'),
      'bilinear, operator set 16': planar('bilinear', 16),
      'linear, operator set 20': planar('linear', 20),
      'linear, operator set 22': planar('linear', 22),
      'linear in space': spatial('linear'),
      'linear, in double precision': (d) => {
        const given = planar('linear', 20)(d)
        return { ...given, inputs: given.inputs.map(double) }
      },
      'bicubic, operator set 16': planar('bicubic', 16),
      'cubic, operator set 20': planar('cubic', 20),
      'cubic, operator set 22': planar('cubic', 22),
    },
  },
  6,
)
