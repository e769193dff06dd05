import { z } from 'zod'
import type { Normalization } from '../training/normalization.ts'

/** What a file beside a network says of how images become its input; null where it says nothing. */
export type Preparation = {
  /** With one number or one for each channel. */
  readonly normalization: Normalization | null
  readonly size: { readonly height: number; readonly width: number } | null
}

export const noPreparation: Preparation = { normalization: null, size: null }

/** The files that say it, and how their texts are read. */
export const preparationFiles: Readonly<Record<string, (text: string) => Preparation>> = {
  'preprocessor_config.json': fromPreprocessor,
  'config.json': fromTimm,
}

/** The first of several that says anything, for the normalization and the size each. */
export function firstOf(preparations: readonly Preparation[]): Preparation {
  return {
    normalization: preparations.find(({ normalization }) => normalization)?.normalization ?? null,
    size: preparations.find(({ size }) => size)?.size ?? null,
  }
}

const numbers = z.union([z.array(z.number()).min(1), z.number().transform((number) => [number])])
const deviations = numbers.refine((values) => values.every((value) => value > 0))
const pixels = z.int().positive()
const size = z.union([
  pixels.transform((side) => ({ height: side, width: side })),
  z.object({ height: pixels, width: pixels }),
  z.object({ shortest_edge: pixels }).transform(({ shortest_edge: side }) => ({
    height: side,
    width: side,
  })),
])

/** What does not have the expected form counts as not said. */
const said = <T extends z.ZodType>(type: T) => type.optional().catch(undefined)

const preprocessor = z.object({
  do_center_crop: said(z.boolean()),
  crop_size: said(size),
  do_resize: said(z.boolean()),
  size: said(size),
  do_rescale: said(z.boolean()),
  rescale_factor: said(z.number().positive()),
  rescale_offset: said(z.boolean()),
  do_normalize: said(z.boolean()),
  image_mean: said(numbers),
  image_std: said(deviations),
  do_flip_channel_order: said(z.boolean()),
})

/**
 * Reads the `preprocessor_config.json` of Hugging Face's transformers. Pixels from 0 to 255 times `rescale_factor`, minus `image_mean`, over
 * `image_std`; either step may be off. The size is that after the crop.
 */
function fromPreprocessor(text: string): Preparation {
  const { success, data } = preprocessor.safeParse(jsonIn(text))
  if (!success) return noPreparation
  const crop = data.do_center_crop === false ? undefined : data.crop_size
  const resized = data.do_resize === false ? undefined : data.size
  return { normalization: normalizationOf(data), size: crop ?? resized ?? null }
}

function normalizationOf(data: z.infer<typeof preprocessor>): Normalization | null {
  const isOff = data.do_normalize === false
  const [mean, std] = isOff ? [[0], [1]] : [data.image_mean, data.image_std]
  if (!mean || !std || mean.length !== std.length) return null
  const factor = data.do_rescale === false ? 1 : (data.rescale_factor ?? 1 / 255)
  // 0.00392156862745098 times 255 is 1 but for the last digit.
  const scale = Math.abs(255 * factor - 1) < 1e-6 ? 1 : 255 * factor
  const offset = data.rescale_offset ? 1 : 0
  return {
    name: 'preprocessor_config.json',
    mean: mean.map((value) => (value + offset) / scale),
    std: std.map((value) => value / scale),
    order: data.do_flip_channel_order ? 'BGR' : 'RGB',
  }
}

const timm = z.object({
  mean: said(numbers),
  std: said(deviations),
  input_size: said(z.tuple([pixels, pixels, pixels])),
})

/** Reads the `config.json` of timm: mean and deviation of x / 255, and the input as channels, height and width. */
function fromTimm(text: string): Preparation {
  const config = z.object({ pretrained_cfg: timm }).safeParse(jsonIn(text))
  if (!config.success) return noPreparation
  const { mean, std, input_size } = config.data.pretrained_cfg
  const [, height = 0, width = 0] = input_size ?? []
  return {
    normalization:
      mean && std && mean.length === std.length
        ? { name: 'config.json', mean, std, order: 'RGB' }
        : null,
    size: input_size ? { height, width } : null,
  }
}

/** What is no JSON says nothing. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
