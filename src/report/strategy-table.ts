import type { StrategyRecord } from '../comparison/record.ts'
import { type Html, html } from './html.ts'
import { duration, percent, percentRange } from './numbers.ts'
import { type Column, table } from './table.ts'

/** All strategies, with those that were skipped or failed and why. */
export function strategyTable(strategies: readonly StrategyRecord[]): Html | null {
  if (strategies.length === 0) return null
  // Columns that would be empty for every strategy are left out.
  const some = (value: (strategy: StrategyRecord) => unknown, column: Column<StrategyRecord>) =>
    strategies.some((strategy) => value(strategy) !== null) ? [column] : []
  return table<StrategyRecord>(
    'Strategies',
    [
      { heading: 'Strategy', cell: ({ name }) => name },
      {
        heading: 'Accuracy',
        cell: ({ status, accuracy }) => (status === 'done' ? percent(accuracy?.mean) : status),
        numeric: true,
      },
      ...some(({ accuracy }) => accuracy, {
        heading: 'Interval',
        cell: ({ accuracy }) => percentRange(accuracy?.low, accuracy?.high),
        numeric: true,
      }),
      { heading: 'Folds', cell: ({ folds }) => String(folds.length), numeric: true },
      {
        heading: 'Time',
        cell: ({ status, seconds }) => duration(status === 'skipped' ? null : seconds),
        numeric: true,
      },
      ...some(({ reusedUpTo }) => reusedUpTo, {
        heading: 'Reused up to',
        cell: ({ reusedUpTo }) => html`<code>${reusedUpTo ?? '–'}</code>`,
      }),
      ...some(({ thawedFrom }) => thawedFrom, {
        heading: 'Thawed from',
        cell: ({ thawedFrom }) => html`<code>${thawedFrom ?? '–'}</code>`,
      }),
    ],
    strategies,
  )
}

/** Why strategies were skipped or failed, one line each. */
export function reasonList(strategies: readonly StrategyRecord[]): Html | null {
  const without = strategies.filter(({ status }) => status !== 'done')
  if (without.length === 0) return null
  return html`<ul>${without.map(
    ({ name, status, reason }) =>
      html`<li><strong>${name}</strong> ${status === 'failed' ? 'failed' : 'was skipped'}: ${reason ?? 'no reason was recorded'}</li>`,
  )}</ul>`
}

/** The choices that each strategy made, in its own sentences, which say what was kept; what was not is paler. */
export function decisionLists(strategies: readonly StrategyRecord[]): Html[] {
  return strategies
    .filter(({ decisions }) => decisions.length > 0)
    .map(
      ({ name, decisions }) => html`<h3>${name}</h3>
<ul>${decisions.map(
        ({ sentence, kept }) => html`<li${kept ? '' : html` class="given-up"`}>${sentence}</li>`,
      )}</ul>
`,
    )
}
