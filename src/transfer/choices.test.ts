import { describe, expect, test } from 'vitest'
import { runtime } from '../../testing/runtime.ts'
import { resnet } from '../nn/architectures.ts'
import { createRandom } from '../random.ts'
import { cutBackbone } from './backbone.ts'
import { noChoices, type ReuseChoices, resolveChoices } from './choices.ts'
import { frozenUpTo } from './reuse.ts'

const backbone = await cutBackbone(resnet([3, 16, 16], { classes: 5 }, createRandom(1)), runtime)
const top = backbone.depths.at(-1) as (typeof backbone.depths)[0]
const lower = backbone.depths[1] as (typeof backbone.depths)[0]
const resolved = (choices: Partial<ReuseChoices>) =>
  resolveChoices(backbone, { ...noChoices, ...choices })

test('nothing chosen: the search begins with everything frozen, and may choose all', () => {
  expect(resolved({})).toEqual({ fixed: {}, start: frozenUpTo(top) })
})

test('a depth is known by its value and by its last block', () => {
  for (const reuse of [lower.name, lower.blocks.at(-1)?.name as string]) {
    expect(resolved({ reuse })).toEqual({ fixed: { depth: lower }, start: frozenUpTo(lower) })
  }
})

test('the search begins with what is chosen', () => {
  const blocks = lower.blocks.length
  expect(resolved({ reuse: lower.name, thaw: 'all', statistics: 'batch', newBlocks: 2 })).toEqual({
    fixed: { depth: lower, thawed: 'all', statistics: 'batch', added: 2 },
    start: { depth: lower, head: 'linear', thawed: blocks, added: 2, statistics: 'batch' },
  })
  expect(resolved({ thaw: 0 }).fixed).toEqual({ thawed: 0 })
})

describe('what cannot be is refused in one line that says what can', () => {
  test.each<[Partial<ReuseChoices>, RegExp]>([
    [{ reuse: 'nowhere' }, /cannot be reused up to "nowhere": give one of .*, /],
    [{ thaw: 99 }, /there are \d+ blocks up to ".*", so 99 cannot be thawed/],
    [{ head: 'selected', thaw: 2 }, /reads frozen ones only/],
    [{ head: 'selected', newBlocks: 1 }, /reads frozen ones only/],
    [
      { reuse: backbone.scores?.name as string, newBlocks: 1 },
      /no new blocks can be put on the scores/,
    ],
  ])('%o', (choices, message) => {
    expect(() => resolved(choices)).toThrow(expect.objectContaining({ code: 'bad-usage' }))
    expect(() => resolved(choices)).toThrow(message)
  })
})

test('features of all depths are those of the whole network', () => {
  expect(resolved({ reuse: top.name, head: 'selected' }).start.head).toBe('selected')
  expect(() => resolved({ reuse: lower.name, head: 'selected' })).toThrow(
    'an output layer on features of all depths reads them all: leave out --reuse, or --head',
  )
})
