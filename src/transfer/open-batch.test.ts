import { describe, expect, test } from 'vitest'
import {
  channels,
  gemm,
  meanOver,
  network,
  normal,
  onMap,
  onVector,
  pooled,
  type Write,
  weight,
} from '../../testing/image-networks.ts'
import { run, runtime } from '../../testing/runtime.ts'
import { float32, int64, type Tensor } from '../graph/tensor.ts'
import { cutBackbone } from './backbone.ts'

describe('a network that was exported for a fixed number of images', () => {
  const reopened: Record<string, [number, Write, number[]?]> = {
    'for one, by a Reshape to [1, -1]': [
      1,
      onMap((b, map) => {
        const flat = b.op('Reshape', [map, b.int64s([1, -1])])
        return { output: gemm(b, flat, channels * 24), features: flat }
      }),
    ],
    'for one, by shapes that are initializers, and one of a weight': [
      1,
      onMap((b, map) => {
        const scale = b.op('Reshape', [weight(b, channels), b.int64s([1, channels, 1, 1])])
        const shape = b.parameter('shape', int64([2], [1, channels]))
        const v = b.op('Reshape', [pooled(b, b.op('Mul', [map, scale])), shape])
        return { output: gemm(b, v, channels), features: v }
      }),
    ],
    'for four': [
      4,
      onMap((b, map) => {
        const flat = b.op('Reshape', [map, b.int64s([4, channels * 24])])
        return { output: gemm(b, flat, channels * 24), features: flat }
      }),
    ],
    'for one, by folding tokens into the batch and back': [
      1,
      onMap((b, map) => {
        const rows = b.op('Reshape', [
          b.op('Transpose', [map], { perm: [0, 2, 3, 1] }),
          b.int64s([24, channels]),
        ])
        const mixed = b.op('Relu', [gemm(b, rows, channels, 4)])
        const tokens = b.op('Reshape', [mixed, b.int64s([1, 24, 4])])
        return { output: tokens, features: tokens }
      }),
      [1],
    ],
    'for one, by windows that become examples of their own (Swin)': [
      1,
      onMap((b, map) => {
        const last = b.op('Transpose', [map], { perm: [0, 2, 3, 1] })
        const height = b.op('Div', [
          b.op('Slice', [b.op('Shape', [last]), b.int64s([1]), b.int64s([2])]),
          b.int64s([3]),
        ])
        const shape = b.op('Concat', [b.int64s([1]), height, b.int64s([3, 2, 2, channels])], {
          axis: 0,
        })
        const split = b.op('Transpose', [b.op('Reshape', [last, shape])], {
          perm: [0, 1, 3, 2, 4, 5],
        })
        const windows = b.op('Reshape', [split, b.int64s([4, 6, channels])])
        const heads = b.op('Reshape', [windows, b.int64s([4, 6, 2, 3])])
        const attention = b.op('Softmax', [b.op('Transpose', [heads], { perm: [0, 2, 1, 3] })])
        const v = b.op('Reshape', [attention, b.int64s([1, 144])])
        return { output: gemm(b, v, 144), features: v }
      }),
    ],
    'for one in its reshapes alone, with an open input': [
      0,
      onMap((b, map) => {
        const flat = b.op('Reshape', [map, b.int64s([1, channels * 24])])
        return { output: gemm(b, flat, channels * 24), features: flat }
      }),
    ],
  }

  test.each(Object.entries(reopened))('%s', async (_, [batch, write, axes]) => {
    const { graph, features } = network([batch || 'N', 3, 12, 8], write)
    const backbone = await cutBackbone(graph, runtime)
    expect(backbone.cut).toBe(features)
    const count = 3 * (batch || 1)
    const images = normal(count, 3, 12, 8)
    const [found] = Object.values(await run(backbone.graph, { image: images }))
    expect(found?.dims).toEqual([count, backbone.features])
    // The network itself, as often as it takes.
    const size = 3 * 12 * 8 * (batch || 1)
    const values = []
    for (let start = 0; start < images.data.length; start += size) {
      const part = float32(
        [batch || 1, 3, 12, 8],
        images.data.slice(start, start + size) as Float32Array,
      )
      const full = { ...graph, outputs: [{ name: features }] }
      values.push(...meanOver((await run(full, { image: part }))[features] as Tensor, axes ?? []))
    }
    values.forEach((value, i) => {
      expect(found?.data[i]).toBeCloseTo(value, 4)
    })
  })

  const closed: Record<string, Write> = {
    'because its tokens mix with the batch': onMap((b, map) => {
      // [1, 6, 24] is read as [6, 24]: with two images the rows of both follow each other in the second product.
      const rows = b.op('Reshape', [map, b.int64s([channels, 24])])
      const mixed = b.op('MatMul', [weight(b, 5, channels), rows])
      const v = b.op('Reshape', [mixed, b.int64s([1, 120])])
      return { output: v, features: v }
    }),
    'because a token of one image is joined to all': onMap((b, map) => {
      const tokens = b.op('Reshape', [map, b.int64s([1, channels, 24])])
      const joined = b.op('Concat', [weight(b, 1, 1, 24), tokens], { axis: 1 })
      return { output: joined, features: joined }
    }),
    'because its batch is summed up': onVector((b, v) => {
      const sum = b.op('ReduceSum', [v, b.int64s([0])], { keepdims: 1 })
      return { output: b.op('Add', [v, sum]), features: v }
    }),
  }
  test.each(Object.entries(closed))('cannot be opened %s', async (_, write) => {
    const { graph } = network([1, 3, 12, 8], write)
    await expect(cutBackbone(graph, runtime)).rejects.toMatchObject({
      code: 'unsupported',
      message: 'the backbone works on a batch of 1 only: export it with a dynamic batch axis',
    })
  })
})
