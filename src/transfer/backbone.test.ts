import { describe, expect, test } from 'vitest'
import {
  body,
  channels,
  type Dims,
  gemm,
  meanOver,
  nchw,
  network,
  nhwc,
  normal,
  onMap,
  onVector,
  pooled,
  turned,
  type Write,
  weight,
} from '../../testing/image-networks.ts'
import { run, runtime } from '../../testing/runtime.ts'
import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { readModel } from '../graph/read.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { verify } from '../graph/verify.ts'
import { cnn, inputName, mlp, resnet } from '../nn/architectures.ts'
import { createRandom } from '../random.ts'
import { exportModel } from '../training/exported-model.ts'
import {
  type Normalization,
  normalizationFromMetadata,
  pixelsInput,
  takePixels,
  usualNormalizations,
} from '../training/normalization.ts'
import { cutBackbone } from './backbone.ts'

/** Cuts a network and holds what it computes for three images against the value itself. */
async function expectCut(
  graph: Graph,
  features: string,
  axes: readonly number[] = [],
  { reference = graph, image = [3, 3, 12, 8] }: { reference?: Graph; image?: number[] } = {},
) {
  verify(graph)
  const backbone = await cutBackbone(graph, runtime)
  verify(backbone.graph)
  expect(backbone.cut).toBe(features)
  const x = normal(...image)
  const [found] = Object.values(await run(backbone.graph, { image: x }))
  const full = { ...reference, outputs: [{ name: features }] }
  const value = (await run(full, { image: x }))[features] as Tensor
  const expected = meanOver(value, axes)
  expect(found?.type).toBe('float32')
  expect(found?.dims).toEqual([3, expected.length / 3])
  expect(backbone.features).toBe(expected.length / 3)
  expected.forEach((element, i) => {
    expect(found?.data[i]).toBeCloseTo(element, 4)
  })
  return backbone
}

const cases: Record<string, [Dims, Write, number[]?]> = {
  'Gemm (torchvision ResNet)': [
    nchw,
    onVector((b, v) => ({ output: gemm(b, v, channels), features: v })),
  ],
  'MatMul and Add, then Softmax (Keras, tf2onnx)': [
    nchw,
    onVector((b, v) => {
      const product = b.op('MatMul', [v, weight(b, channels, 5)])
      const logits = b.op('Add', [product, weight(b, 5)])
      return { output: b.op('Softmax', [logits]), features: v }
    }),
  ],
  'a weight that is transposed in the graph (older PyTorch)': [
    nchw,
    onVector((b, v) => {
      const across = b.op('Transpose', [weight(b, 5, channels)], { perm: [1, 0] })
      return { output: b.op('Add', [b.op('MatMul', [v, across]), weight(b, 5)]), features: v }
    }),
  ],
  'Dropout before Gemm belongs to the classifier': [
    nchw,
    onVector((b, v) => {
      const dropped = b.op('Dropout', [b.op('Identity', [v]), b.scalar(0.2)])
      return { output: gemm(b, dropped, channels), features: v }
    }),
  ],
  'two linear layers: only the last is the classifier (VGG, MobileNetV3)': [
    nchw,
    onVector((b, v) => {
      const hidden = b.op('Relu', [gemm(b, v, channels, 7)])
      return { output: gemm(b, hidden, 7), features: hidden }
    }),
  ],
  'Flatten of a map': [
    nchw,
    onMap((b, map) => {
      const flat = b.op('Flatten', [map])
      return { output: gemm(b, flat, channels * 24), features: flat }
    }),
  ],
  'a 1x1 Conv on the pooled map, then Flatten (MobileNetV1, SqueezeNet heads)': [
    nchw,
    onMap((b, map) => {
      const pool = pooled(b, map)
      const scores = b.op('Conv', [pool, weight(b, 5, channels, 1, 1), weight(b, 5)])
      return { output: b.op('Softmax', [b.op('Flatten', [scores])]), features: pool }
    }),
    [2, 3],
  ],
  'ReduceMean, Squeeze and a sigmoid head': [
    nchw,
    onMap((b, map) => {
      const mean = b.op('ReduceMean', [map, b.int64s([2, 3])], { keepdims: 1 })
      const v = b.op('Squeeze', [mean, b.int64s([2, 3])])
      return { output: b.op('Sigmoid', [gemm(b, v, channels, 1)]), features: v }
    }),
  ],
  'the class itself, by ArgMax': [
    nchw,
    onVector((b, v) => ({
      output: b.op('ArgMax', [gemm(b, v, channels)], { axis: 1, keepdims: 0 }),
      features: v,
    })),
  ],
  'a temperature on the logits': [
    nchw,
    onVector((b, v) => ({
      output: b.op('Div', [gemm(b, v, channels), b.parameter('temperature', float32([], [2]))]),
      features: v,
    })),
  ],
  'no classifier, a vector': [nchw, onVector((_, v) => ({ output: v, features: v }))],
  'no classifier, a map': [nchw, onMap((_, map) => ({ output: map, features: map })), [2, 3]],
  'no classifier, a residual sum': [
    nchw,
    onMap((b, map) => {
      const branch = b.op('Conv', [map, weight(b, channels, channels, 1, 1)])
      const sum = b.op('Relu', [b.op('Add', [map, branch])])
      return { output: sum, features: sum }
    }),
    [2, 3],
  ],
  'an embedding scaled to length 1 (face recognition)': [
    nchw,
    onVector((b, v) => {
      const embedding = gemm(b, v, channels, 4)
      const length = b.op('ReduceL2', [embedding, b.int64s([1])])
      const unit = b.op('Div', [embedding, length])
      return { output: unit, features: unit }
    }),
  ],
  'tokens (ViT without a head)': [
    nchw,
    onMap((b, map) => {
      const tokens = b.op('Transpose', [b.op('Reshape', [map, b.int64s([0, channels, -1])])], {
        perm: [0, 2, 1],
      })
      const normalized = b.op('LayerNormalization', [tokens, weight(b, channels)])
      return { output: normalized, features: normalized }
    }),
    [1],
  ],
  'the first token (ViT)': [
    nchw,
    onMap((b, map) => {
      const tokens = b.op('Transpose', [b.op('Reshape', [map, b.int64s([0, channels, -1])])], {
        perm: [0, 2, 1],
      })
      const first = b.op('Gather', [tokens, b.scalar(0, 'int64')], { axis: 1 })
      return { output: gemm(b, first, channels), features: first }
    }),
  ],
  'channels last within a network for NCHW (Swin, ConvNeXt)': [
    nchw,
    onMap((b, map) => {
      const last = b.op('Transpose', [map], { perm: [0, 2, 3, 1] })
      const normalized = b.op('LayerNormalization', [last, weight(b, channels)])
      return { output: normalized, features: normalized }
    }),
    [1, 2],
  ],
  'NHWC, with a Transpose first and a 1x1 Conv as classifier (tf2onnx MobileNet)': [
    nhwc,
    turned((b, map) => {
      const pool = pooled(b, map)
      const scores = b.op('Conv', [pool, weight(b, 5, channels, 1, 1), weight(b, 5)])
      const last = b.op('Transpose', [scores], { perm: [0, 2, 3, 1] })
      return {
        output: b.op('Softmax', [b.op('Squeeze', [last, b.int64s([1, 2])])]),
        features: pool,
      }
    }),
    [2, 3],
  ],
  'NHWC, with a map that is turned back at the end (tf2onnx, include_top=False)': [
    nhwc,
    turned((b, map) => {
      const last = b.op('Transpose', [map], { perm: [0, 2, 3, 1] })
      return { output: last, features: last }
    }),
    [1, 2],
  ],
  'NHWC, with a map that is not turned back': [
    nhwc,
    turned((b, map) => {
      const bounded = b.op('Clip', [map, b.scalar(0), b.scalar(6)])
      return { output: bounded, features: bounded }
    }),
    [2, 3],
  ],
  'NHWC throughout': [
    nhwc,
    (b, x) => {
      const map = b.op('Relu', [b.op('MatMul', [x, weight(b, 3, channels)])])
      return { output: map, features: map }
    },
    [1, 2],
  ],
}

describe('a network is cut before its classifier', () => {
  test.each(Object.entries(cases))('%s', async (_, [dims, write, axes]) => {
    const { graph, features } = network(dims, write)
    const image = dims === nhwc ? [3, 12, 8, 3] : [3, 3, 12, 8]
    const { image: found } = await expectCut(graph, features, axes, { image })
    expect(found).toEqual({
      input: 'image',
      layout: dims === nhwc ? 'NHWC' : 'NCHW',
      channels: 3,
      height: 12,
      width: 8,
    })
  })

  test('our own architectures', async () => {
    const random = createRandom(2)
    const sizes = {
      128: cnn([1, 8, 8], { classes: 3 }, random),
      20: resnet([3, 8, 8], { classes: 3, widths: [10, 20] }, random),
      9: mlp([3, 4, 4], { sizes: [7, 9], activation: 'selu', classes: 3 }, random),
    }
    for (const [features, graph] of Object.entries(sizes)) {
      const backbone = await cutBackbone(graph, runtime)
      expect(backbone.features).toBe(Number(features))
      expect(
        [...backbone.graph.initializers.keys()].filter((key) => key.startsWith('head')),
      ).toEqual([])
    }
  })

  test('half precision inside becomes float32 features', async () => {
    const { graph, features } = network(
      nchw,
      onVector((b, v) => {
        const half = b.op('Cast', [v], { to: 10 })
        const matrix = b.constant({
          type: 'float16',
          dims: [channels, 2],
          data: new Uint16Array(2 * channels).fill(0x3c00),
        })
        const logits = b.op('Cast', [b.op('MatMul', [half, matrix])], { to: 1 })
        return { output: logits, features: half }
      }),
    )
    const backbone = await cutBackbone(graph, runtime)
    expect(backbone.cut).toBe(features)
    const x = normal(2, 3, 12, 8)
    const [found] = Object.values(await run(backbone.graph, { image: x }))
    expect([found?.type, found?.dims]).toEqual(['float32', [2, channels]])
  })

  test('an open height and width become 224 pixels, an open number of channels 3', async () => {
    const open = network(
      ['N', 'C', 'H', 'W'],
      onVector((_, v) => ({ output: v, features: v })),
    )
    const { image } = await cutBackbone(open.graph, runtime)
    expect(image).toEqual({ input: 'image', layout: 'NCHW', channels: 3, height: 224, width: 224 })
    const last = network(
      ['N', 'H', 'W', 3],
      turned((_, map) => ({ output: map, features: map })),
    )
    expect((await cutBackbone(last.graph, runtime)).image).toMatchObject({
      layout: 'NHWC',
      height: 224,
      width: 224,
    })
  })
})

test('a classifier that Graft exported is a backbone, and takes its pixels as they are', async () => {
  const image = { input: inputName, layout: 'NCHW', height: 12, width: 8, channels: 3 } as const
  const [normalization] = usualNormalizations(3) as [Normalization]
  const trained = takePixels(cnn([3, 12, 8], { classes: 5 }, createRandom(1)), image, normalization)
  const exported = readModel(
    exportModel({ graph: trained, size: image, provenance: {} }, 'abcde'.split('')),
  )
  const backbone = await cutBackbone(exported, runtime)
  expect(backbone.image).toMatchObject({ height: 12, width: 8, channels: 3, layout: 'NHWC' })
  const raw = normalizationFromMetadata(backbone.graph.metadata, 3) as Normalization
  const network = takePixels(backbone.graph, backbone.image, raw)
  verify(network)
  const pixels: Tensor = {
    type: 'uint8',
    dims: [2, 12, 8, 3],
    data: Uint8Array.from({ length: 576 }, (_, i) => (i * 29) % 256),
  }
  const [features] = Object.values(await run(network, { [pixelsInput]: pixels }))
  const inside = { ...trained, outputs: [{ name: backbone.cut }] }
  expect(features).toEqual((await run(inside, { [pixelsInput]: pixels }))[backbone.cut])
})

describe('what is no backbone is refused in one line', () => {
  const simple = onVector((_, v) => ({ output: v, features: v }))
  const refused: Record<string, [() => Graph, string]> = {
    'two inputs': [
      () => {
        const { graph } = network(nchw, simple)
        const mask = { name: 'mask', type: 'float32', dims: ['N', 1] } as const
        return { ...graph, inputs: [...graph.inputs, mask] }
      },
      'a backbone takes one image input, not 2 ("image", "mask")',
    ],
    'no input': [
      () => ({ ...network(nchw, simple).graph, inputs: [] }),
      'a backbone takes one image input, not 0',
    ],
    'token numbers': [
      () => {
        const b = createBuilder()
        const ids = b.input('ids', 'int64', ['N', 'T'])
        b.output(b.op('Gather', [weight(b, 10, 4), ids]))
        return b.build()
      },
      'a backbone takes grey or colour images, float32 or uint8 [N, C, H, W] or [N, H, W, C]; its input "ids" is int64 [N, T]',
    ],
    'whole numbers as pixels': [
      () => {
        const b = createBuilder()
        b.output(b.op('Cast', [b.input('pixels', 'int32', nchw)], { to: 1 }))
        return b.build()
      },
      'a backbone takes grey or colour images, float32 or uint8 [N, C, H, W] or [N, H, W, C]; its input "pixels" is int32 [N, 3, 12, 8]',
    ],
    'many channels': [
      () => {
        const b = createBuilder()
        b.output(b.op('Relu', [b.input('scan', 'float32', ['N', 12, 64, 64])]))
        return b.build()
      },
      'a backbone takes grey or colour images, float32 or uint8 [N, C, H, W] or [N, H, W, C]; its input "scan" is float32 [N, 12, 64, 64]',
    ],
    'boxes instead of features': [
      () => {
        const b = createBuilder()
        const map = body(b, b.input('image', 'float32', nchw))
        b.output(b.alias('boxes', b.op('Reshape', [map, b.int64s([0, 2, 3, 4, 6])])))
        return b.build()
      },
      'the backbone ends in "boxes", float32 [2, 2, 3, 4, 6]: neither a vector, a map nor tokens for each image',
    ],
  }
  test.each(Object.entries(refused))('%s', async (_, [build, message]) => {
    await expect(cutBackbone(build(), runtime)).rejects.toMatchObject({
      code: 'unsupported',
      message,
    })
  })
})
