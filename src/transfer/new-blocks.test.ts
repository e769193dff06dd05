import { describe, expect, test } from 'vitest'
import { normal } from '../../testing/image-networks.ts'
import { run, runtime } from '../../testing/runtime.ts'
import { inputName, resnet } from '../nn/architectures.ts'
import { createRandom } from '../random.ts'
import { cutBackbone } from './backbone.ts'
import type { Depth } from './depths.ts'
import { newBlockPrefix, withNewBlocks } from './new-blocks.ts'

describe('new blocks', async () => {
  const model = resnet([3, 16, 16], { classes: 5 }, createRandom(1))
  const backbone = await cutBackbone(model, runtime)
  const x = normal(2, 3, 16, 16)
  const [map, top] = [backbone.depths[1], backbone.depths.at(-1)] as [Depth, Depth]

  test.each([
    ['of convolutions on maps', map, 4],
    ['of full connections on vectors', top, 2],
  ])('%s end in features of their own', async (_what, depth, rank) => {
    const { graph, features } = withNewBlocks(backbone.open, depth, 2, createRandom(3))
    const added = [...graph.initializers].filter(([name]) => name.startsWith(newBlockPrefix))
    const weights = added.filter(([name]) => name.endsWith('weight'))
    expect(weights.map(([, { dims }]) => dims.length)).toEqual([rank, rank])
    const [result] = Object.values(await run(graph, { [inputName]: x }))
    expect(result?.dims).toEqual([2, features])
    // He initialization keeps what goes through them alive.
    expect(Math.max(...Array.from(result?.data ?? [], Number))).toBeGreaterThan(0)
  })

  test('read no layers above the depth', () => {
    const { graph } = withNewBlocks(backbone.open, map, 1, createRandom(3))
    const above = [...model.initializers.keys()].filter((name) => !graph.initializers.has(name))
    expect(above.length).toBeGreaterThan(0)
  })

  test('are the same for the same seed', () => {
    const [a, b] = [0, 1].map(() => withNewBlocks(backbone.open, map, 1, createRandom(3)).graph)
    expect(a).toEqual(b)
  })
})
