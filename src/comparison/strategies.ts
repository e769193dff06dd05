import { GraftError } from '../errors.ts'
import { methods } from '../pretraining/methods.ts'
import { scratch } from '../training/scratch.ts'
import type { Strategy } from '../training/task.ts'
import { pretrained } from '../transfer/pretrained.ts'
import { type TransferOptions, transfer } from '../transfer/transfer.ts'

/** The strategies by name, in the order in which they are tried. */
const strategies: Readonly<Record<string, (options: TransferOptions) => Strategy>> = {
  scratch: () => scratch,
  transfer,
  ...Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [
      name,
      (options: TransferOptions) => pretrained(method, options),
    ]),
  ),
}

/**
 * The strategies of a list such as `scratch,transfer`, in their usual order.
 *
 * @throws GraftError `bad-usage` for an unknown name, and where none of them can be tried
 */
export function strategiesNamed(list: string, options: TransferOptions): Strategy[] {
  const wanted = createNamed(list, options)
  if (wanted.every(({ unavailable }) => unavailable !== null)) {
    const reasons = wanted.map(({ name, unavailable }) => `${name}: ${unavailable}`)
    throw new GraftError('bad-usage', `no strategy can be tried: ${reasons.join('; ')}`)
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

function createNamed(list: string, options: TransferOptions): Strategy[] {
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
