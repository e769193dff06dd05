import { GraftError } from '../errors.ts'
import { methods } from '../pretraining/methods.ts'
import { scratch } from '../training/scratch.ts'
import type { Strategy } from '../training/task.ts'
import { type PretrainedOptions, pretrained } from '../transfer/pretrained.ts'
import { type TransferOptions, transfer } from '../transfer/transfer.ts'

export type StrategyOptions = TransferOptions & PretrainedOptions

/** The strategies by name, in the order in which they are tried. */
const strategies: Readonly<Record<string, (options: StrategyOptions) => Strategy>> = {
  scratch: () => scratch,
  transfer,
  ...Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [
      name,
      (options: StrategyOptions) => pretrained(method, options),
    ]),
  ),
}

/**
 * The strategies of a list such as `scratch,transfer`, in their usual order.
 *
 * @param unlabelled the folder of images without labels that is given; default none
 * @param missing why there is no backbone though one was wanted; default there is one, or none was
 * @throws GraftError `bad-usage` for an unknown name, where none of them can be tried, and for images or labels that none of them would learn from
 */
export function strategiesNamed(
  list: string,
  options: StrategyOptions,
  {
    unlabelled = null,
    missing = null,
  }: { readonly unlabelled?: string | null; readonly missing?: string | null } = {},
): Strategy[] {
  const wanted = createNamed(list, options)
  const areSeen = Object.values(methods).some(
    ({ name, needs }) => needs !== 'labels' && wanted.some((strategy) => strategy.name === name),
  )
  if (unlabelled !== null && !areSeen) {
    throw new GraftError(
      'bad-usage',
      '--unlabelled is for a strategy that learns from images without labels: add one such as rotation or contrastive to --strategies',
    )
  }
  const { related = null, rule = null } = options.easyLabels ?? {}
  const learnFrom = { labels: related && '--related', rule: rule && '--rule' }
  for (const [need, option] of Object.entries(learnFrom)) {
    const users = Object.values(methods).filter(({ needs }) => needs === need)
    if (option && !users.some(({ name }) => wanted.some((strategy) => strategy.name === name))) {
      const names = users.map(({ name }) => name).join(' or ')
      throw new GraftError(
        'bad-usage',
        `${option} is for a strategy that learns from it: add ${names} to --strategies`,
      )
    }
  }
  if (wanted.every(({ unavailable }) => unavailable !== null)) {
    const reasons = wanted.map(({ name, unavailable }) => `${name}: ${unavailable}`)
    const all = missing === null ? reasons : [...reasons, missing]
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
  const bare = createNamed(list, { backbone: null, normalization: null })
  return bare.filter(({ needsBackbone }) => needsBackbone)
}

function createNamed(list: string, options: StrategyOptions): Strategy[] {
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
    .map(([, create]) => create(options))
}
