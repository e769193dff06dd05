import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstOf, noPreparation, preparationFiles } from './preparation.ts'

const read = (file: string, value: object) => preparationFiles[file]?.(JSON.stringify(value))
const preprocessor = (value: object) => read('preprocessor_config.json', value)
const imagenet = { image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225] }

describe('preprocessor_config.json', () => {
  it('gives what transformers compute of a pixel, whichever steps are on', () => {
    const numbers = fc.double({ min: 0.01, max: 2, noNaN: true })
    fc.assert(
      fc.property(
        fc.record({
          do_rescale: fc.boolean(),
          rescale_factor: fc.constantFrom(1 / 255, 0.00392156862745098, 1 / 127.5, 1),
          rescale_offset: fc.boolean(),
          do_normalize: fc.boolean(),
          image_mean: fc.array(numbers, { minLength: 3, maxLength: 3 }),
          image_std: fc.array(numbers, { minLength: 3, maxLength: 3 }),
        }),
        fc.integer({ min: 0, max: 255 }),
        (config, pixel) => {
          let value = config.do_rescale ? pixel * config.rescale_factor : pixel
          if (config.rescale_offset) value -= 1
          if (config.do_normalize) {
            value = (value - (config.image_mean[0] as number)) / (config.image_std[0] as number)
          }
          const normalization = preprocessor(config)?.normalization
          const [mean = 0] = normalization?.mean ?? []
          const [std = 0] = normalization?.std ?? []
          expect((pixel / 255 - mean) / std).toBeCloseTo(value, 4)
        },
      ),
    )
  })

  it.each([
    ['a number', { size: 224 }, 224, 224],
    ['height and width', { size: { height: 100, width: 200 } }, 100, 200],
    ['the shorter edge', { size: { shortest_edge: 256 } }, 256, 256],
    ['the crop of a larger one', { size: 256, crop_size: { height: 224, width: 224 } }, 224, 224],
    ['the size where the crop is off', { size: 32, crop_size: 24, do_center_crop: false }, 32, 32],
  ])('gives %s as the size', (_, value, height, width) => {
    expect(preprocessor(value)?.size).toEqual({ height, width })
  })

  it('gives the order of colours, and one number for all channels', () => {
    const { normalization } =
      preprocessor({ do_flip_channel_order: true, image_mean: 0.5, image_std: 0.25 }) ?? {}
    expect(normalization).toMatchObject({ order: 'BGR', mean: [0.5], std: [0.25] })
  })

  it.each([
    ['nothing', {}],
    ['deviations of zero', { ...imagenet, image_std: [0, 1, 1] }],
    ['a mean alone', { image_mean: [0.5] }],
    ['what it does not mean', { image_mean: 'half', size: { longest_edge: 5 }, crop_size: -1 }],
    ['a list', []],
  ])('that says %s is not guessed at', (_, value) => {
    expect(preprocessor(value)).toEqual(noPreparation)
  })

  it('that is no JSON says nothing', () => {
    expect(preparationFiles['preprocessor_config.json']?.('{"size":')).toEqual(noPreparation)
  })
})

it('config.json of timm gives mean, deviation and input size', () => {
  const pretrained_cfg = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], input_size: [3, 256, 192] }
  expect(read('config.json', { architecture: 'x', pretrained_cfg })).toEqual({
    normalization: {
      name: 'config.json',
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      order: 'RGB',
    },
    size: { height: 256, width: 192 },
  })
  expect(read('config.json', { model_type: 'resnet' })).toEqual(noPreparation)
})

it('the first file that says something counts, for normalization and size each', () => {
  const size = { height: 8, width: 8 }
  const [first, second] = [
    preprocessor(imagenet),
    preprocessor({ image_mean: 0, image_std: 1, size }),
  ]
  expect(firstOf([first ?? noPreparation, second ?? noPreparation])).toEqual({
    normalization: first?.normalization,
    size,
  })
})
