import type { FoldRecord, StrategyRecord } from '../comparison/record.ts'
import { type CurveKey, linePoints, meanPoints, span } from './curves.ts'
import { epochPlot } from './epoch-plot.ts'
import { type Html, html } from './html.ts'
import { decimal, decimalTick, percent, percentTick } from './numbers.ts'
import { legend, type Plotter } from './plotter.ts'

type Line = {
  readonly key: CurveKey
  readonly label: string
  readonly color: string
  readonly dash?: string
}

const LOSS_LINES: readonly Line[] = [
  { key: 'trainingLoss', label: 'training loss', color: 'var(--second)', dash: '5 3' },
  { key: 'validationLoss', label: 'validation loss', color: 'var(--first)' },
]
const ACCURACY_LINES: readonly Line[] = [
  { key: 'validationAccuracy', label: 'validation accuracy', color: 'var(--first)' },
]

/** The accuracies that all strategies' panels share as their range; null when none was measured. */
export const accuracyDomain = (strategies: readonly StrategyRecord[]): [number, number] | null =>
  span(
    strategies.flatMap(({ folds }) =>
      linePoints(
        folds.map(({ curve }) => curve),
        'validationAccuracy',
      ).map(({ value }) => value),
    ),
    0,
    1,
  )

/**
 * Loss and accuracy of one strategy by epoch: a thin line a fold, a thick one for their mean. Null when there is
 * nothing to draw.
 */
export function curveFigure(
  plotter: Plotter,
  strategy: StrategyRecord,
  accuracies: [number, number] | null,
): Html | null {
  const { folds, name } = strategy
  const losses = LOSS_LINES.flatMap(({ key }) => values(folds, key))
  const loss =
    losses.length > 0 &&
    panel(plotter, folds, {
      label: 'Loss',
      title: `Loss of ${name} by epoch`,
      lines: LOSS_LINES,
      domain: [0, Math.max(...losses) || 1],
      format: decimal,
      tickFormat: decimalTick(Math.max(...losses)),
    })
  const accuracy =
    accuracies !== null &&
    values(folds, 'validationAccuracy').length > 0 &&
    panel(plotter, folds, {
      label: 'Validation accuracy',
      title: `Validation accuracy of ${name} by epoch`,
      lines: ACCURACY_LINES,
      domain: accuracies,
      format: percent,
      tickFormat: percentTick(accuracies),
    })
  if (!loss && !accuracy) return null
  const shown = LOSS_LINES.filter(({ key }) => values(folds, key).length > 0)
  return html`<h3>${name}</h3>
<figure>${legend(shown)}<div class="pair">${loss}${accuracy}</div></figure>
`
}

type Panel = {
  readonly label: string
  readonly title: string
  readonly lines: readonly Line[]
  readonly domain: readonly [number, number]
  readonly format: (value: number) => string
  readonly tickFormat: (value: number) => string
}

function panel(plotter: Plotter, folds: readonly FoldRecord[], options: Panel): Html {
  const { Plot } = plotter
  const curves = folds.map(({ curve }) => curve)
  const { label, title, lines, domain, format, tickFormat } = options
  const drawn = lines.map((line) => ({
    ...line,
    folds: linePoints(curves, line.key),
    mean: meanPoints(curves, line.key),
  }))
  const epochs = drawn.flatMap((line) => line.folds.map(({ epoch }) => epoch))
  const single = new Set(epochs).size === 1
  const dash = (line: Line) => (line.dash ? { strokeDasharray: line.dash } : {})
  const marks = drawn.flatMap((line) => [
    Plot.line(line.folds, {
      x: 'epoch',
      y: 'value',
      z: 'run',
      stroke: line.color,
      strokeWidth: 0.9,
      strokeOpacity: 0.38,
      ...dash(line),
    }),
    Plot.line(line.mean, {
      x: 'epoch',
      y: 'mean',
      stroke: line.color,
      strokeWidth: 2.5,
      ...dash(line),
    }),
    single ? Plot.dot(line.folds, { x: 'epoch', y: 'value', fill: line.color, r: 3 }) : null,
  ])

  return epochPlot(
    plotter,
    { label, epochs, domain, tickFormat, marks },
    {
      title,
      description: drawn
        .flatMap(({ label, mean }) => {
          const [start, end] = [mean.at(0), mean.at(-1)]
          return start && end
            ? [
                `Mean ${label}: ${format(start.mean)} at epoch ${start.epoch}, ${format(end.mean)} at epoch ${end.epoch}.`,
              ]
            : []
        })
        .join(' '),
    },
  )
}

const values = (folds: readonly FoldRecord[], key: CurveKey): number[] =>
  linePoints(
    folds.map(({ curve }) => curve),
    key,
  ).map(({ value }) => value)
