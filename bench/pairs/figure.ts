import { type Html, html, raw } from '../../src/report/html.ts'
import { createPlotter, type Plotter } from '../../src/report/plotter.ts'
import type { Published } from './networks.ts'
import { type JudgedPair, type Outcome, outcomes, pairLine, pairName } from './summary.ts'

export type Panel = {
  readonly title: string
  readonly judged: readonly JudgedPair[]
  readonly published: Published
}

/** In CSS pixels. */
const size = { panel: 490, row: 17, head: 146, foot: 14, axis: 44 } as const

/** In points; the axis is linear near zero and logarithmic farther out. */
const tickValues = [-16, -8, -4, -2, -1, 0, 1, 2, 4, 8, 16]

const unclear = 'no reliable difference'
const colors: Readonly<Record<Outcome, string>> = {
  helped: 'var(--first)',
  [unclear]: 'var(--soft)',
  hurt: 'var(--second)',
}

/** A file of its own: an image in a page sees the reader's colour scheme and nothing of the page's style sheet. */
const style = `
  svg { --paper: #ffffff; --ink: #1c1d1f; --soft: #74797f; --rule: #e4e4e0; --line: #d5d9e0; --first: #1d5fa6; --second: #b3560b; color: var(--ink) }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #14181f; --ink: #eef1f6; --soft: #98a2b3; --rule: #2b313c; --line: #343c4a; --first: #7fb2ec; --second: #eda05a }
  }
  text { fill: currentColor; font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif; white-space: pre }
  .page { fill: var(--paper); stroke: var(--line) }
  .title { font-size: 20px; font-weight: 700 } .name { font-size: 15px; font-weight: 700 } .note { font-size: 13px }
`

/** The mean gain of each pair with its interval, sorted, one panel for each network: an SVG file for light and dark pages. */
export async function pairsFigure(panels: readonly Panel[]): Promise<string> {
  const plotter = await createPlotter()
  const bounds = panels.flatMap(({ judged, published }) => [
    published.grafted - published.scratch,
    ...judged.flatMap(({ comparison }) => [comparison.low, comparison.high]),
  ])
  const domain = [Math.min(...bounds), Math.max(...bounds)].map((bound) => 100 * bound)
  const rows = Math.max(...panels.map(({ judged }) => judged.length))
  const width = size.panel * panels.length + 20
  const height = size.head + size.row * rows + size.axis + size.foot
  const figure = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>What reuse gains on every pair of classes of Fashion-MNIST</title>
<style>${raw(style)}</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" class="page"/>
<text x="24" y="38" class="title">What reuse gains on every pair of classes</text>
<text x="24" y="62" class="note">Test accuracy grafted less from scratch, in points: mean over the seeds and 95 % interval of each pair by itself.</text>
${legend(24, 88)}
${panels.map(
  (panel, i) => html`<g transform="translate(${10 + i * size.panel} 0)">
<text x="14" y="122" class="name">${panel.title}</text>
<text x="14" y="141" class="note">${countsOf(panel.judged)}</text>
<g transform="translate(0 ${size.head})">${drawPanel(plotter, panel, domain)}</g>
</g>
`,
)}</svg>
`
  return figure.markup
}

const countsOf = (judged: readonly JudgedPair[]): string =>
  outcomes
    .map((outcome) => {
      const of = judged.filter((pair) => pair.outcome === outcome)
      return `${outcome} ${of.length}`
    })
    .join(', ')

function legend(left: number, y: number): Html {
  const entries = [
    { label: 'helped', width: 80, fill: colors.helped, stroke: colors.helped },
    { label: 'hurt', width: 64, fill: colors.hurt, stroke: colors.hurt },
    { label: 'no reliable difference', width: 184, fill: colors[unclear], stroke: colors[unclear] },
    {
      label: 'hollow: not reliable after correction for the number of pairs',
      width: 416,
      fill: 'var(--paper)',
      stroke: 'currentColor',
    },
  ]
  let x = left + 5
  const dots = entries.map(({ label, width, fill, stroke }) => {
    const entry = html`<circle cx="${x}" cy="${y - 4}" r="4" fill="${fill}" stroke="${stroke}" stroke-width="1.75"/><text x="${x + 11}" y="${y}" class="note">${label}</text>`
    x += width
    return entry
  })
  const diamond = html`<path d="M${x} ${y - 10}l6 6l-6 6l-6 -6z" fill="none" stroke="currentColor" stroke-width="1.75"/><text x="${x + 13}" y="${y}" class="note">published gain, one seed</text>`
  return html`${dots}${diamond}`
}

function drawPanel(
  plotter: Plotter,
  { title, judged, published }: Panel,
  domain: readonly number[],
): Html {
  const { Plot } = plotter
  const sorted = judged.toSorted((a, b) => b.comparison.difference - a.comparison.difference)
  const rows = sorted.map(({ pair, comparison, outcome, corrected }) => ({
    name: pairName(pair),
    gain: 100 * comparison.difference,
    low: 100 * comparison.low,
    high: 100 * comparison.high,
    color: colors[outcome],
    fill: corrected === outcome ? colors[outcome] : 'var(--paper)',
  }))
  const marked = {
    name: pairName(published.pair),
    gain: 100 * (published.grafted - published.scratch),
  }
  const ticks = tickValues.filter(
    (value) => value >= (domain[0] as number) && value <= (domain[1] as number),
  )
  const names = (named: typeof rows, fontWeight: number) =>
    Plot.text(named, {
      y: 'name',
      text: 'name',
      frameAnchor: 'left',
      textAnchor: 'end',
      dx: -10,
      fontSize: 12,
      fontWeight,
    })
  return plotter.svg(
    {
      width: size.panel,
      height: size.row * rows.length + size.axis,
      marginLeft: 148,
      marginRight: 20,
      marginTop: 4,
      marginBottom: size.axis - 4,
      x: { domain, type: 'symlog', constant: 1 },
      y: { domain: rows.map(({ name }) => name), type: 'point', padding: 0.5, axis: null },
      color: { type: 'identity' },
      marks: [
        Plot.gridX({ ticks, stroke: 'var(--rule)', strokeOpacity: 1 }),
        Plot.ruleX([0], { stroke: 'currentColor', strokeOpacity: 0.6 }),
        Plot.axisX({
          ticks,
          tickSize: 0,
          tickFormat: (points: number) =>
            `${points > 0 ? '+' : ''}${points}`.replace('-', '\u2212'),
          label: 'Gain in points (linear near zero, logarithmic farther out)',
          labelAnchor: 'center',
          labelArrow: 'none',
        }),
        names(
          rows.filter(({ name }) => name !== marked.name),
          400,
        ),
        names(
          rows.filter(({ name }) => name === marked.name),
          700,
        ),
        Plot.ruleY(rows, { y: 'name', x1: 'low', x2: 'high', stroke: 'color', strokeWidth: 1.75 }),
        Plot.dot(rows, {
          x: 'gain',
          y: 'name',
          r: 3.5,
          fill: 'fill',
          stroke: 'color',
          strokeWidth: 1.75,
        }),
        Plot.dot([marked], {
          x: 'gain',
          y: 'name',
          symbol: 'diamond',
          r: 5,
          stroke: 'currentColor',
          strokeWidth: 1.75,
        }),
        Plot.text([marked], {
          x: 'gain',
          y: 'name',
          text: ({ gain }: typeof marked) => `+${gain.toFixed(2)}`,
          textAnchor: 'start',
          dx: 10,
          fontSize: 12,
          fontWeight: 700,
        }),
      ],
    },
    { title, description: sorted.map(pairLine).join('; ') },
  )
}
