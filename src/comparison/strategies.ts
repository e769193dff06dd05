import { GraftError } from '../errors.ts'
import { scratch } from '../training/scratch.ts'
import type { Strategy } from '../training/task.ts'
import { type TransferOptions, transfer } from '../transfer/transfer.ts'

/** The strategies by name, in the order in which they are tried. */
const strategies: Readonly<Record<string, (options: TransferOptions) => Strategy>> = {
  scratch: () => scratch,
  transfer,
}

export const strategyNames: readonly string[] = Object.keys(strategies)

/**
 * The strategies of a list of names, in their usual order.
 *
 * @throws GraftError `bad-usage` for an unknown name
 */
export function strategiesNamed(names: readonly string[], options: TransferOptions): Strategy[] {
  const unknown = names.find((name) => !Object.hasOwn(strategies, name))
  if (unknown !== undefined) {
    throw new GraftError(
      'bad-usage',
      `there is no strategy "${unknown}": the strategies are ${strategyNames.join(', ')}`,
    )
  }
  return Object.entries(strategies)
    .filter(([name]) => names.includes(name))
    .map(([, create]) => create(options))
}
