import { type Html, html } from './html.ts'

export type Column<Row> = {
  readonly heading: string
  readonly cell: (row: Row) => string | Html
  /** Numbers are set to the right, in figures of equal width. */
  readonly numeric?: boolean
}

/**
 * A table with a caption; the first column heads its row. It scrolls sideways on its own where the page is narrow, and
 * the keyboard can reach it.
 */
export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): Html {
  const kind = ({ numeric }: Column<Row>) => numeric && html` class="number"`
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
<table>
<caption>${caption}</caption>
<thead><tr>${columns.map((column) => html`<th scope="col"${kind(column)}>${column.heading}</th>`)}</tr></thead>
<tbody>
${rows.map(
  (row) =>
    html`<tr>${columns.map((column, i) =>
      i === 0
        ? html`<th scope="row">${column.cell(row)}</th>`
        : html`<td${kind(column)}>${column.cell(row)}</td>`,
    )}</tr>
`,
)}</tbody>
</table>
</div>`
}

/** A two-column table of names and values. */
export const keyValueTable = (caption: string, entries: Readonly<Record<string, unknown>>): Html =>
  table(
    caption,
    [
      { heading: 'Name', cell: ([name]) => name },
      { heading: 'Value', cell: ([, value]) => (value === null ? 'none' : String(value)) },
    ],
    Object.entries(entries),
  )
