import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { run } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import type { Tensor } from '../graph/tensor.ts'
import { verify } from '../graph/verify.ts'
import {
  forChannels,
  type ImageInput,
  type Normalization,
  normalizationFromMetadata,
  numbersIn,
  pixelsInput,
  takePixels,
  usualNormalizations,
} from './normalization.ts'

describe('numbers in a text', () => {
  test.each<[string, number, number[] | null]>([
    ['[0.485, 0.456, 0.406]', 3, [0.485, 0.456, 0.406]],
    ['0.5', 3, [0.5, 0.5, 0.5]],
    ['(123.675,116.28,103.53)', 3, [123.675, 116.28, 103.53]],
    ['-1e-3 .25 +2E+1', 3, [-0.001, 0.25, 20]],
    ['1. 2. 3.', 3, [1, 2, 3]],
    ['0.449', 1, [0.449]],
    ['0.1, 0.2', 3, null],
    ['none', 3, null],
    ['', 1, null],
  ])('%j for %i channels', (text, channels, expected) => {
    expect(numbersIn(text, channels)).toEqual(expected)
  })
})

describe('metadata', () => {
  const read = (metadata: Record<string, string>, channels = 3) =>
    normalizationFromMetadata(metadata, channels)

  test('gives mean and std of x / 255 under the names that exporters use', () => {
    const expected = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], order: 'RGB' }
    const [mean, std] = ['[0.485, 0.456, 0.406]', '[0.229, 0.224, 0.225]']
    expect(read({ mean, std })).toMatchObject(expected)
    expect(read({ Mean: mean, STD: std })).toMatchObject(expected)
    expect(read({ image_mean: mean, image_std: std })).toMatchObject(expected)
    expect(read({ 'graft.mean': mean, 'graft.std': std })).toMatchObject(expected)
  })

  test('gives them of raw pixels where one is larger than 3', () => {
    const found = read({ mean: '123.675 116.28 103.53', std: '58.395 57.12 57.375' })
    ;[0.485, 0.456, 0.406].forEach((value, i) => {
      expect(found?.mean[i]).toBeCloseTo(value, 9)
    })
    ;[0.229, 0.224, 0.225].forEach((value, i) => {
      expect(found?.std[i]).toBeCloseTo(value, 9)
    })
    // Caffe: a mean alone is taken away.
    expect(read({ mean: '104, 117, 123', std: '1' })?.std).toEqual(Array(3).fill(1 / 255))
    expect(read({ mean: '0', std: '255' })).toMatchObject({ mean: [0, 0, 0], std: [1, 1, 1] })
  })

  test('gives a nominal range and an order of channels, as ONNX defines them', () => {
    const range = (name: string, order = 'Rgb8') =>
      read({ 'Image.NominalPixelRange': name, 'Image.BitmapPixelFormat': order })
    const at = (found: Normalization | null, x: number) =>
      (x / 255 - (found?.mean[0] as number)) / (found?.std[0] as number)
    const ends = (name: string) => [0, 255].map((x) => Math.round(1e6 * at(range(name), x)) / 1e6)
    expect(ends('NominalRange_0_255')).toEqual([0, 255])
    expect(ends('Normalized_0_1')).toEqual([0, 1])
    expect(ends('Normalized_1_1')).toEqual([-1, 1])
    expect(ends('NominalRange_16_235')).toEqual([16, 235])
    expect(range('Normalized_0_1', 'Bgr8')?.order).toBe('BGR')
    expect(range('Normalized_0_1')?.order).toBe('RGB')
  })

  test('that is missing, incomplete or impossible says nothing', () => {
    expect(read({})).toBeNull()
    expect(read({ mean: '0.5' })).toBeNull()
    expect(read({ mean: '0.5 0.5', std: '0.5 0.5' })).toBeNull()
    expect(read({ mean: '0.5', std: '0' })).toBeNull()
    expect(read({ 'Image.NominalPixelRange': 'Other' })).toBeNull()
  })
})

describe('taking pixels', () => {
  /** A network that returns what it is fed. */
  async function fed(image: ImageInput, normalization: Normalization, pixels: Tensor) {
    const { input, layout, height, width, channels } = image
    const dims = layout === 'NCHW' ? ['N', channels, height, width] : ['N', height, width, channels]
    const builder = createBuilder()
    builder.output(builder.op('Identity', [builder.input(input, 'float32', dims)]))
    const graph = takePixels(builder.build(), image, normalization)
    verify(graph)
    expect(graph.inputs).toEqual([
      { name: pixelsInput, type: 'uint8', dims: ['N', height, width, channels] },
    ])
    const [output] = Object.values(await run(graph, { [pixelsInput]: pixels }))
    return output as Tensor
  }

  const cases = fc.record({
    layout: fc.constantFrom('NCHW' as const, 'NHWC' as const),
    order: fc.constantFrom('RGB' as const, 'BGR' as const),
    channels: fc.constantFrom(1, 3),
    height: fc.integer({ min: 1, max: 4 }),
    width: fc.integer({ min: 1, max: 4 }),
    count: fc.integer({ min: 1, max: 3 }),
    name: fc.constantFrom('input', pixelsInput),
    pick: fc.nat(4),
    seed: fc.nat(255),
  })

  test('normalizes as by hand, in either layout and either order', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ layout, order, channels, name, pick, seed, ...size }) => {
        const { count, height, width } = size
        const own: Normalization = {
          name: 'own',
          mean: [0.1, 0.2, 0.3].slice(0, channels),
          std: [0.5, 0.25, 2].slice(0, channels),
          order,
        }
        const chosen = [...usualNormalizations(channels), own][pick] as Normalization
        const normalization = { ...chosen, order }
        const dims = [count, height, width, channels]
        const total = dims.reduce((a, b) => a * b)
        const data = Uint8Array.from({ length: total }, (_, i) => (37 * i + seed) % 256)
        const image = { input: name, layout, channels, height, width }
        const output = await fed(image, normalization, { type: 'uint8', dims, data })
        expect(output.dims).toEqual(layout === 'NCHW' ? [count, channels, height, width] : dims)
        for (let n = 0; n < count; n++) {
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              for (let c = 0; c < channels; c++) {
                const from = order === 'BGR' && channels === 3 ? 2 - c : c
                const pixel = data[((n * height + y) * width + x) * channels + from] as number
                const expected =
                  (pixel / 255 - (normalization.mean[c] as number)) /
                  (normalization.std[c] as number)
                const place =
                  layout === 'NCHW'
                    ? ((n * channels + c) * height + y) * width + x
                    : ((n * height + y) * width + x) * channels + c
                expect(output.data[place]).toBeCloseTo(expected, 4)
              }
            }
          }
        }
      }),
      { numRuns: 40, seed: 1 },
    )
  })

  test('costs nothing where raw pixels are wanted', () => {
    const builder = createBuilder()
    builder.output(builder.op('Relu', [builder.input('x', 'float32', ['N', 2, 2, 3])]))
    const image: ImageInput = { input: 'x', layout: 'NHWC', height: 2, width: 2, channels: 3 }
    const raw = usualNormalizations(3).find(({ name }) => name === 'raw') as Normalization
    const operators = takePixels(builder.build(), image, raw).nodes.map(({ operator }) => operator)
    expect(operators).toEqual(['Cast', 'Relu'])
  })
})

test('a normalization is spread over the channels that a network has', () => {
  const given: Normalization = {
    name: 'given',
    mean: [0.1, 0.2, 0.3],
    std: [2, 3, 4],
    order: 'BGR',
  }
  expect(forChannels(given, 3)).toEqual(given)
  const grey = forChannels(given, 1)
  expect(grey.mean).toEqual([expect.closeTo(0.2)])
  expect(grey.std).toEqual([3])
  const same = forChannels({ ...given, mean: [0.5], std: [0.25] }, 3)
  expect(same).toMatchObject({ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], order: 'BGR' })
})
