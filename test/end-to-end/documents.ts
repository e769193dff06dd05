import { z } from 'zod'

// The JSON documents of the command line, key by key: other programs rely on them.

const share = z.number().min(0).max(1)

const strategy = z.strictObject({
  name: z.string(),
  status: z.enum(['done', 'skipped', 'failed']),
  reason: z.string().nullable(),
  accuracy: z
    .strictObject({ mean: share, low: share, high: share, confidence: z.literal(0.95) })
    .nullable(),
  seconds: z.number().min(0),
  reusedUpTo: z.string().nullable(),
  thawedFrom: z.string().nullable(),
})

export const fitDocument = z.strictObject({
  run: z.string(),
  chosen: z.string(),
  verdict: z.enum(['better', 'no reliable difference']),
  strategies: z.array(strategy),
  test: z.strictObject({ accuracy: share, low: share, high: share, n: z.int() }).nullable(),
  model: z.string(),
  report: z.string(),
})

export const evaluateDocument = z.strictObject({
  accuracy: share,
  low: share,
  high: share,
  n: z.int(),
  logLoss: z.number().min(0),
  classes: z.array(
    z.strictObject({
      class: z.string(),
      recall: share.nullable(),
      precision: share.nullable(),
      n: z.int(),
    }),
  ),
  confusion: z.array(z.array(z.int())),
})

export const predictDocument = z.array(
  z.union([
    z.strictObject({
      file: z.string(),
      label: z.string(),
      probability: share,
      probabilities: z.record(z.string(), share),
    }),
    z.strictObject({ file: z.string(), error: z.string() }),
  ]),
)

const border = z.strictObject({
  name: z.string(),
  type: z.string(),
  dims: z.array(z.union([z.int(), z.string()])),
})

export const inspectDocument = z.strictObject({
  inputs: z.array(border),
  outputs: z.array(border),
  parameters: z.int(),
  cuts: z.array(
    z.strictObject({
      name: z.string(),
      shape: z.array(z.int()),
      parameters: z.int(),
      macs: z.int(),
    }),
  ),
  blocks: z.array(
    z.strictObject({
      name: z.string(),
      from: z.string(),
      to: z.string(),
      parameters: z.int(),
      macs: z.int(),
    }),
  ),
  unsupported: z.array(z.strictObject({ node: z.string(), operator: z.string() })),
  normalization: z.array(
    z.strictObject({
      node: z.string(),
      channels: z.int(),
      epsilon: z.number(),
      momentum: z.number(),
      mode: z.enum(['inference', 'training']),
      defaultStatistics: z.boolean(),
    }),
  ),
})

export const pretrainDocument = z.strictObject({
  method: z.string(),
  images: z.int(),
  epochs: z.int(),
  seconds: z.number().min(0),
  loss: z.strictObject({ first: z.number(), last: z.number() }),
  backbone: z.string(),
})
