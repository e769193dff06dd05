import { GraftError } from '../errors.ts'
import type { PretrainingMethod } from '../pretraining/method.ts'
import { methods, variantName } from '../pretraining/methods.ts'
import { scratch } from '../training/scratch.ts'
import type { Strategy } from '../training/task.ts'
import { areMade } from '../transfer/choices.ts'
import { type PretrainedOptions, pretrained } from '../transfer/pretrained.ts'
import { semiSupervised } from '../transfer/semi-supervised.ts'
import { type TransferOptions, transfer } from '../transfer/transfer.ts'

export type StrategyOptions = TransferOptions & PretrainedOptions

type Entry = {
  /** The method that it pretrains by; null where it does not. */
  readonly method: PretrainingMethod | null
  readonly create: (options: StrategyOptions) => Strategy
}

const fromScratch = () => scratch

/** The strategies by name, in the order in which they are tried: each variant of a method is one. */
const strategies: Readonly<Record<string, Entry>> = {
  scratch: { method: null, create: fromScratch },
  transfer: { method: null, create: transfer },
  ...Object.fromEntries(Object.values(methods).flatMap(variantsOf)),
}

function variantsOf(method: PretrainingMethod): [string, Entry][] {
  return method.variants.map((variant) => {
    const create = (options: StrategyOptions) =>
      method.semiSupervised?.includes(variant)
        ? semiSupervised(method, variant, options.choices)
        : pretrained(method, { ...options, variant })
    return [variantName(method, variant), { method, create }]
  })
}

/** What is given beside the list of strategies. */
type Given = {
  /** The folder of images without labels; default none. */
  readonly unlabelled?: string | null
  /** Why there is no backbone though one was wanted; default there is one, or none was. */
  readonly missing?: string | null
}

const thatNeed = (need: 'labels' | 'rule') =>
  Object.values(methods)
    .filter(({ needs }) => needs === need)
    .map(({ name }) => name)
    .join(' or ')

/** Options that are of use to some strategies only, and what to do where none of these is tried. */
const uses: readonly {
  readonly isGiven: (options: StrategyOptions, given: Given) => boolean
  readonly isFor: (entry: Entry) => boolean
  readonly otherwise: string
}[] = [
  {
    isGiven: (_, { unlabelled }) => (unlabelled ?? null) !== null,
    isFor: ({ method }) => method !== null && method.needs !== 'labels',
    otherwise:
      '--unlabelled is for a strategy that learns from images without labels: add one such as rotation or contrastive to --strategies',
  },
  {
    isGiven: ({ easyLabels }) => (easyLabels?.related ?? null) !== null,
    isFor: ({ method }) => method?.needs === 'labels',
    otherwise: `--related is for a strategy that learns from it: add ${thatNeed('labels')} to --strategies`,
  },
  {
    isGiven: ({ easyLabels }) => (easyLabels?.rule ?? null) !== null,
    isFor: ({ method }) => method?.needs === 'rule',
    otherwise: `--rule is for a strategy that learns from it: add ${thatNeed('rule')} to --strategies`,
  },
  {
    isGiven: ({ choices }) => choices !== undefined && areMade(choices),
    isFor: ({ create }) => create !== fromScratch,
    otherwise:
      '--reuse, --thaw, --thaw-rate, --head, --new-blocks and --statistics are for strategies that reuse a network: add one to --strategies',
  },
]

/**
 * The strategies of a list such as `scratch,transfer`, in their usual order.
 *
 * @throws GraftError `bad-usage` for an unknown name, where none of them can be tried, and for options that none of them has a use for
 */
export function strategiesNamed(
  list: string,
  options: StrategyOptions,
  given: Given = {},
): Strategy[] {
  const entries = entriesNamed(list)
  const idle = uses.find(({ isGiven, isFor }) => isGiven(options, given) && !entries.some(isFor))
  if (idle) throw new GraftError('bad-usage', idle.otherwise)
  const wanted = entries.map(({ create }) => create(options))
  if (wanted.every(({ unavailable }) => unavailable !== null)) {
    const reasons = wanted.map(({ name, unavailable }) => `${name}: ${unavailable}`)
    const all = [...reasons, ...(given.missing ? [given.missing] : [])]
    throw new GraftError('bad-usage', `no strategy can be tried: ${all.join('; ')}`)
  }
  return wanted
}

/**
 * The strategies of a list that cannot be tried without a backbone.
 *
 * @throws GraftError `bad-usage` for an unknown name
 */
export function needBackbone(list: string): Strategy[] {
  return entriesNamed(list)
    .map(({ create }) => create({ backbone: null, normalization: null }))
    .filter(({ needsBackbone }) => needsBackbone)
}

function entriesNamed(list: string): Entry[] {
  const names = list.split(',').map((name) => name.trim())
  const unknown = names.find((name) => !Object.hasOwn(strategies, name))
  if (unknown !== undefined) {
    throw new GraftError(
      'bad-usage',
      `there is no strategy "${unknown}": give --strategies some of ${Object.keys(strategies).join(',')}`,
    )
  }
  return Object.entries(strategies)
    .filter(([name]) => names.includes(name))
    .map(([, entry]) => entry)
}
