import { describe, expect, test } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { stratifiedFolds } from '../data/folds.ts'
import { createRandom } from '../random.ts'
import type { StrategyEvent } from '../training/task.ts'
import type { Block } from './cuts.ts'
import type { Depth } from './depths.ts'
import type { Known } from './moves.ts'
import { frozenUpTo, keyOf, type Reuse } from './reuse.ts'
import { type Choices, compareTrials, type Refusal, search, type Trial } from './search.ts'

const folds = stratifiedFolds(
  Array.from({ length: 40 }, (_, index) => index % 2),
  5,
  createRandom(0),
  2,
)
const blocks = Array.from({ length: 5 }, (_, index): Block => {
  return {
    name: `block ${index + 1}`,
    from: `v${index}`,
    to: `v${index + 1}`,
    parameters: 1,
    macs: 1,
  }
})
const depths = blocks.map(({ to }, index): Depth => {
  const type = { type: 'float32', dims: [2, 3] } as const
  const value = { type, channels: 1 } as const
  return { name: to, blocks: blocks.slice(0, index + 1), features: 3, write: () => to, value }
})
const top = depths.at(-1) as Depth
const depth = (length: number) => depths[length - 1] as Depth
const nothing: Known = {
  top,
  rivals: [],
  isSelectable: false,
  hasUnlabelled: false,
  lower: () => null,
  isPlenty: false,
  isNormalized: () => false,
}

/** Searches where each way to reuse a network has a known accuracy, 0.1 points apart from fold to fold. */
async function searched(
  accuracyOf: (reuse: Reuse) => number | string,
  {
    known = nothing,
    fixed = {},
    start = frozenUpTo(top),
    loss = (accuracy) => 1 - accuracy,
  }: {
    known?: Partial<Known>
    fixed?: Choices
    start?: Reuse
    loss?: (accuracy: number, reuse: Reuse) => number
  } = {},
) {
  const evaluate = async function* (reuse: Reuse): AsyncGenerator<StrategyEvent, Trial | Refusal> {
    const accuracy = accuracyOf(reuse)
    if (typeof accuracy === 'string') return { reason: accuracy }
    const each = folds.map((_, fold) => accuracy + ((7 * fold + keyOf(reuse).length) % 5) / 1000)
    return {
      reuse,
      how: '',
      folds: each.map((value, fold) => ({ fold, accuracy: value, seconds: 0, curve: [] })),
      losses: each.map((value) => loss(value, reuse)),
    }
  }
  const discarded: string[] = []
  const first = (await evaluate(start).next()).value as Trial
  const { events, result } = await collect(
    search({ folds }, first, { ...nothing, ...known }, fixed, evaluate, async ({ reuse }) => {
      discarded.push(keyOf(reuse))
    }),
  )
  const decisions = events.flatMap((event) => (event.type === 'decision' ? [event] : []))
  return { best: result.reuse, decisions, discarded }
}

test('where thawing everything beats every frozen depth, it is found', async () => {
  // Exercise 9 of chapter 11 of Hands-On Machine Learning, first edition.
  const { best, decisions } = await searched(
    ({ depth, thawed }) => {
      if (thawed === depth.blocks.length) return 0.913
      if (thawed > 0) return 0.781
      return depth === top ? 0.64 : 0.691
    },
    { known: { rivals: [depth(4)], lower: ({ blocks }) => depths[blocks.length - 2] ?? null } },
  )
  expect(best.thawed).toBe(best.depth.blocks.length)
  expect(decisions.map(({ kept }) => kept).filter(Boolean).length).toBeGreaterThan(1)
})

test('also where the layers that thawing makes good were given up while frozen', async () => {
  const { best, decisions } = await searched(
    ({ depth, thawed }) => (thawed === 5 ? 0.9 : depth === top ? 0.6 : 0.7 + thawed / 100),
    { known: { rivals: [depth(1)] } },
  )
  expect(best).toEqual({ ...frozenUpTo(top), thawed: 5 })
  expect(decisions.at(-1)?.sentence).toMatch(
    /^reused up to block 5 again and thawed all 5 blocks: .*: kept$/,
  )
})

test('within the noise, an output layer is kept that is as simple, and no other', async () => {
  const { best, decisions } = await searched(
    ({ head, thawed }) => (thawed > 0 ? 0.6 : head === 'linear' ? 0.7 : 0.7005),
    { known: { hasUnlabelled: true, isSelectable: true } },
  )
  expect(best).toEqual({ ...frozenUpTo(top), head: 'propagated' })
  expect(decisions.slice(0, 2).map(({ kept }) => kept)).toEqual([false, true])
})

test.each([
  ['within the noise', -5e-4, 'propagated'],
  ['by more than noise', -0.05, 'linear'],
])('an output layer as simple that gains loss but loses accuracy %s', async (_, change, head) => {
  const { best } = await searched(
    ({ head, thawed }) => 0.7 + (thawed > 0 ? -0.2 : head === 'linear' ? 0 : change),
    {
      known: { hasUnlabelled: true },
      loss: (accuracy, { head }) => (accuracy < 0.6 ? 1 : head === 'propagated' ? 0.1 : 0.2),
    },
  )
  expect(best.head).toBe(head)
})

test('few blocks are thawed one at a time, where all at once are too many', async () => {
  const four = depth(4)
  const accuracies = [0.7, 0.75, 0.8, 0.85, 0.6]
  const { best, decisions } = await searched(({ thawed }) => accuracies[thawed] as number, {
    known: { top: four },
    start: frozenUpTo(four),
  })
  expect(best.thawed).toBe(3)
  expect(decisions.map(({ sentence, kept }) => [sentence.split(':')[0], kept])).toEqual([
    ['thawed block 4 of 4', true],
    ['thawed all 4 blocks', false],
    ['thawed blocks 3-4 of 4', true],
    ['thawed blocks 2-4 of 4', true],
  ])
})

test('every decision says what was done and what it gained', async () => {
  const { decisions } = await searched(({ thawed }) => (thawed === 2 ? 0.861 : 0.842))
  expect(decisions[0]).toEqual({
    type: 'decision',
    sentence: expect.stringMatching(
      /^thawed blocks 4-5 of 5: 0\.84\d -> 0\.86\d, \+1\.9 \+- 0\.\d points; loss 0\.15\d -> 0\.13\d, -0\.019 \+- 0\.00\d: kept$/,
    ),
    kept: true,
  })
  expect(decisions[1]?.sentence).toMatch(/^thawed all 5 blocks: .*, -1\.9 \+- .*: taken back$/)
  expect(decisions[2]?.sentence).toMatch(/^thawed blocks 3-5 of 5: .*: taken back$/)
  expect(decisions.length).toBe(3)
})

test('what is no better beyond noise is taken back, and everything given up is released', async () => {
  const { best, decisions, discarded } = await searched(() => 0.8)
  expect(best).toEqual(frozenUpTo(top))
  expect(decisions.every(({ kept }) => !kept)).toBe(true)
  expect(discarded.length).toBe(decisions.length)
})

test('accuracy without loss is luck', async () => {
  const { best } = await searched(({ thawed }) => (thawed > 0 ? 0.9 : 0.8), { loss: () => 0.5 })
  expect(best).toEqual(frozenUpTo(top))
})

test('a difference that rounds to nothing has no minus', async () => {
  const { decisions } = await searched(({ thawed }) => 0.8 - thawed * 1e-6)
  for (const { sentence } of decisions) expect(sentence).toMatch(/, \+0\.0 \+- /)
})

test('what cannot be tried is named, and the search goes on', async () => {
  const { best, decisions } = await searched(({ thawed }) =>
    thawed === 5 ? 'too dear' : thawed === 2 ? 0.9 : thawed === 3 ? 0.95 : 0.8,
  )
  expect(best.thawed).toBe(3)
  expect(decisions.map(({ sentence }) => sentence)).toContain(
    'not tried: thawed all 5 blocks: too dear',
  )
})

describe('where thawing does not help', () => {
  const lower: Known['lower'] = ({ blocks }) => depths[blocks.length - 2] ?? null
  const better = ({ depth: { blocks }, thawed, added }: Reuse) =>
    thawed > 0 ? 0.5 : 0.9 - 0.1 * Math.abs(blocks.length - 3) + (added > 0 ? 0.08 : 0)

  test('few labels: top blocks are dropped one after the other', async () => {
    const { best, decisions } = await searched(better, { known: { lower } })
    expect(best).toEqual(frozenUpTo(depth(3)))
    const dropped = decisions.filter(({ sentence }) => sentence.startsWith('dropped'))
    expect(dropped.map(({ kept }) => kept)).toEqual([true, true, false])
    // After each drop the rest is thawed anew.
    expect(decisions.filter(({ sentence }) => sentence.startsWith('thawed')).length).toBe(6)
  })

  test('plenty of labels: they are replaced, or new ones added', async () => {
    const { best, decisions } = await searched(better, { known: { lower, isPlenty: true } })
    expect(best).toEqual({ ...frozenUpTo(depth(4)), added: 1 })
    const kept = decisions.filter((decision) => decision.kept)
    expect(kept.map(({ sentence }) => sentence)).toEqual([
      expect.stringMatching(/^replaced block 5 of 5 by a new one/),
    ])
    expect(decisions.some(({ sentence }) => sentence.startsWith('added 2 new blocks'))).toBe(true)
  })
})

test('statistics of the batch are tried where thawed blocks have batch normalization', async () => {
  const { best } = await searched(
    ({ thawed, statistics }) => 0.8 + thawed / 100 + (statistics === 'batch' ? 0.02 : 0),
    { known: { isNormalized: () => true } },
  )
  expect(best).toEqual({ ...frozenUpTo(top), thawed: 5, statistics: 'batch' })
})

describe('choices of the user', () => {
  const known = { rivals: [depth(2)], isSelectable: true, isNormalized: () => true }
  const random = (reuse: Reuse) => 0.5 + (keyOf(reuse).length % 7) / 20

  test.each<[string, Choices, Partial<Reuse>]>([
    ['a depth', { depth: depth(4) }, { depth: depth(4) }],
    ['frozen', { thawed: 0 }, { thawed: 0 }],
    ['everything thawed', { thawed: 'all' }, { thawed: 5 }],
    ['statistics', { statistics: 'frozen' }, { statistics: 'frozen' }],
    ['a plain head', { head: 'linear', added: 0 }, { head: 'linear', added: 0 }],
  ])('%s: are never left', async (_name, fixed, expected) => {
    const { thawed, ...rest } = fixed
    const start = {
      ...frozenUpTo(fixed.depth ?? top),
      ...rest,
      thawed: thawed === 'all' ? 5 : (thawed ?? 0),
    }
    const { best, decisions } = await searched(random, { known, fixed, start })
    expect(best).toMatchObject(expected)
    expect(decisions.length).toBeGreaterThan(0)
  })
})

test('equal differences have no spread to show', () => {
  const five = folds.slice(0, 5)
  const of = (accuracy: number, loss: number) => ({
    folds: five.map((_, fold) => ({ fold, accuracy, seconds: 0, curve: [] })),
    losses: five.map(() => loss),
  })
  const { numbers } = compareTrials({ folds }, of(0.5, 1), of(0.75, 0.5), false)
  expect(numbers).toBe(
    '0.500 -> 0.750, +25.0 points in every fold; loss 1.000 -> 0.500, -0.500 in every fold',
  )
  expect(compareTrials({ folds }, of(0.5, 1), of(0.5, 1), false).numbers).toContain(
    'the same in every fold',
  )
})

test('where a trial fails, the best so far is released', async () => {
  const start = { reuse: frozenUpTo(top), how: '', folds: [], losses: [] }
  const released: Trial[] = []
  // biome-ignore lint/correctness/useYield: it fails at once.
  const failing = async function* (): AsyncGenerator<StrategyEvent, Trial> {
    throw new Error('out of memory')
  }
  const discard = async (trial: Trial) => void released.push(trial)
  await expect(collect(search({ folds }, start, nothing, {}, failing, discard))).rejects.toThrow(
    'out of memory',
  )
  expect(released).toEqual([start])
})
