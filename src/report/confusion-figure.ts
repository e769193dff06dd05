import type { Evaluation } from '../comparison/record.ts'
import { type Html, html } from './html.ts'
import { count, counted, percent } from './numbers.ts'
import { figure, type Plotter, shorten } from './plotter.ts'

type Cell = { truth: number; predicted: number; n: number; share: number }

/** Beyond this many classes neither counts nor names can be read in the figure. */
const LEGIBLE = 24

/** Heat map of a confusion matrix: rows are true classes, columns predicted ones, shade is the share of the row. */
export function confusionFigure(plotter: Plotter, { confusion, classes }: Evaluation): Html | null {
  const { Plot } = plotter
  const cells = confusionCells(confusion)
  if (cells.length === 0) return null
  const mistakes = worst(
    confusion,
    classes.map((score) => score.class),
  )
  const names = classes.map((score) => shorten(score.class, 16))
  const legible = confusion.length <= LEGIBLE
  const widest = Math.max(...cells.map(({ n }) => String(n).length))
  const size = legible
    ? Math.max(confusion.length > 12 ? 22 : 32, 7 * widest + 8)
    : Math.max(3, 640 / confusion.length)
  const margin = legible ? 7 * Math.max(...names.map((name) => [...name].length)) + 12 : 24
  const tickFormat = (c: number) => names[c] ?? ''
  const domain = confusion.map((_, c) => c)
  const side = size * confusion.length

  const legends = [
    Plot.axisX({ anchor: 'top', tickSize: 0, tickRotate: -45, tickFormat, textAnchor: 'start' }),
    Plot.axisY({ tickSize: 0, tickFormat }),
    Plot.text(
      cells.filter(({ n }) => n > 0),
      {
        x: 'predicted',
        y: 'truth',
        text: ({ n }: Cell) => String(n),
        fill: ({ share }: Cell) => (share > 0.7 ? 'var(--paper)' : 'currentColor'),
        fontVariant: 'tabular-nums',
      },
    ),
  ]
  const corner = { frameAnchor: 'top-left', fontStyle: 'italic' } as const
  const svg = plotter.svg(
    {
      width: margin + side + 0.75 * margin + 8,
      height: 0.75 * margin + side + 40,
      marginLeft: margin + 18,
      marginRight: Math.max(0.75 * margin - 10, 8),
      marginTop: 0.75 * margin + 24,
      marginBottom: 4,
      padding: legible ? 0.06 : 0,
      x: { domain, label: null, axis: null },
      y: { domain, label: null, axis: null },
      color: { type: 'identity' },
      opacity: { type: 'identity' },
      marks: [
        Plot.text(['called'], { ...corner, textAnchor: 'start', dy: -(0.75 * margin + 18) }),
        Plot.text(['true'], { ...corner, textAnchor: 'end', dx: -8, dy: -16 }),
        Plot.cell(legible ? cells : cells.filter(({ n }) => n > 0), {
          x: 'predicted',
          y: 'truth',
          fill: 'rgb(var(--heat))',
          fillOpacity: ({ share }: Cell) => 0.045 + 0.9 * share,
          title: ({ truth, predicted, n, share }: Cell) =>
            `${names[truth]} called ${names[predicted]}: ${count(n)} (${percent(share)})`,
        }),
        legible ? legends : null,
      ],
    },
    {
      title: 'Confusion matrix of the test images',
      description: mistakes.join(' ') || 'No image was taken for another class.',
    },
  )
  return figure(
    html`<div class="scroll" role="region" aria-label="Confusion matrix" tabindex="0">${svg}</div>`,
    `Each row is a true class, each column what the model called it; ${
      legible
        ? 'the numbers count images, and the shade is'
        : `${counted(confusion.length, 'class', 'classes')} in the order of the data; the shade is`
    } the share of the row.`,
  )
}

/** The mistakes that were made most often, in sentences. */
export function worst(
  confusion: readonly (readonly number[])[],
  classes: readonly string[],
  most = 3,
): string[] {
  return confusionCells(confusion)
    .filter(({ truth, predicted, n }) => truth !== predicted && n > 0)
    .sort((a, b) => b.n - a.n)
    .slice(0, most)
    .map(
      ({ truth, predicted, n, share }) =>
        `${counted(n, 'image')} of “${classes[truth]}” (${percent(share)}) ${n === 1 ? 'was' : 'were'} called “${classes[predicted]}”.`,
    )
}

function confusionCells(confusion: readonly (readonly number[])[]): Cell[] {
  return confusion.flatMap((row, truth) => {
    const total = row.reduce((sum, n) => sum + n, 0)
    return row.map((n, predicted) => ({ truth, predicted, n, share: total > 0 ? n / total : 0 }))
  })
}
