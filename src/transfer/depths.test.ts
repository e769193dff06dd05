import { describe, expect, test } from 'vitest'
import { normal } from '../../testing/image-networks.ts'
import { run, runtime } from '../../testing/runtime.ts'
import { extend } from '../graph/compose.ts'
import type { Tensor } from '../graph/tensor.ts'
import { inputName, resnet } from '../nn/architectures.ts'
import { createRandom } from '../random.ts'
import { cutBackbone } from './backbone.ts'
import { featuresAt } from './depths.ts'

describe('the depths of a network', () => {
  const graph = resnet([3, 16, 16], { classes: 4 }, createRandom(1))

  test('go from its first block to what its classifier reads, and reuse more and more', async () => {
    const { depths, cut } = await cutBackbone(graph, runtime)
    expect(depths.length).toBeGreaterThan(3)
    expect(depths.at(-1)?.name).toBe(cut)
    depths.slice(0, -1).forEach(({ blocks, name }, index) => {
      expect(blocks.at(-1)?.to).toBe(name)
      expect(blocks.length).toBeLessThan(depths[index + 1]?.blocks.length ?? 0)
    })
    expect(depths[0]?.blocks[0]?.from).toBe(inputName)
  })

  test('give features side by side, each those of its own', async () => {
    const { open, depths } = await cutBackbone(graph, runtime)
    const x = normal(2, 3, 16, 16)
    const featuresOf = async (chosen: typeof depths | (typeof depths)[number][]) => {
      const [features] = Object.values(await run(featuresAt(open, chosen), { [inputName]: x }))
      return features as Tensor
    }
    const all = await featuresOf(depths)
    let first = 0
    for (const depth of depths) {
      const own = await featuresOf([depth])
      expect(own.dims).toEqual([2, depth.features])
      for (const row of [0, 1]) {
        const start = row * (all.dims[1] as number) + first
        for (let k = 0; k < depth.features; k++) {
          const alone = Number(own.data[row * depth.features + k])
          expect(all.data[start + k]).toBeCloseTo(alone, 4)
        }
      }
      first += depth.features
    }
    expect(all.dims).toEqual([2, first])
  })

  test.each(['logits', 'Softmax', 'LogSoftmax'] as const)(
    'end in roots of probabilities, also after %s',
    async (last) => {
      const ended =
        last === 'logits'
          ? graph
          : extend(graph, (b) => b.op(last, [graph.outputs[0]?.name as string]))
      const { open, scores } = await cutBackbone(ended, runtime)
      if (!scores) throw new Error('no scores')
      const x = normal(2, 3, 16, 16)
      const [roots] = Object.values(await run(featuresAt(open, [scores]), { [inputName]: x }))
      const [logits] = Object.values(await run(graph, { [inputName]: x }))
      for (const row of [0, 1]) {
        const powers = [0, 1, 2, 3].map((k) => Math.exp(Number(logits?.data[4 * row + k])))
        const sum = powers.reduce((a, b) => a + b)
        powers.forEach((power, k) => {
          expect(roots?.data[4 * row + k]).toBeCloseTo(Math.sqrt(power / sum), 5)
        })
      }
    },
  )
})
