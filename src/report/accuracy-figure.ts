import type { StrategyRecord } from '../comparison/record.ts'
import { span } from './curves.ts'
import type { Html } from './html.ts'
import { percent, percentRange, percentTick } from './numbers.ts'
import { figure, type Plotter, responsive, shorten, WIDTH } from './plotter.ts'

/**
 * The accuracy of each strategy as a dot with its interval, above the dots of its folds. Null when no strategy has an
 * accuracy.
 */
export function accuracyFigure(
  plotter: Plotter,
  strategies: readonly StrategyRecord[],
  chosen: string | null,
): Html | null {
  const { Plot } = plotter
  const rows = strategies.flatMap(({ name, accuracy, folds }) =>
    accuracy && Number.isFinite(accuracy.mean) ? [{ name, folds, ...accuracy }] : [],
  )
  const first = rows[0]
  if (first === undefined) return null
  const folds = rows.flatMap((row) =>
    row.folds.map(({ accuracy }) => ({ name: row.name, accuracy })),
  )
  const domain = span(
    [...rows.flatMap(({ mean, low, high }) => [mean, low, high]), ...folds.map((f) => f.accuracy)],
    0,
    1,
  ) as [number, number]
  const color = ({ name }: { name: string }) => (name === chosen ? 'var(--first)' : 'currentColor')
  const longest = Math.max(...rows.map(({ name }) => Math.min([...name].length, 20)))

  const draw = (width: number): Html => {
    // Where the screen is narrow, the names stand above their lines instead of beside them.
    const narrow = width < WIDTH.wide
    const ticks = narrow ? 4 : 6
    const written = { y: 'name', fill: color, fontSize: 13, dy: narrow ? -15 : 0 } as const
    return plotter.svg(
      {
        width,
        height: (narrow ? 52 : 44) * rows.length + 50,
        marginLeft: narrow ? 8 : Math.max(60, 7 * longest + 16),
        marginRight: narrow ? 12 : 56,
        marginTop: narrow ? 10 : 4,
        marginBottom: 42,
        x: { domain, label: 'Accuracy' },
        y: { domain: rows.map(({ name }) => name), axis: null, type: 'point', padding: 0.6 },
        color: { type: 'identity' },
        marks: [
          Plot.gridX({ stroke: 'var(--rule)', strokeOpacity: 1, ticks }),
          Plot.axisX({
            tickSize: 0,
            labelAnchor: 'center',
            labelArrow: 'none',
            ticks,
            tickFormat: percentTick(domain),
          }),
          Plot.dot(folds, {
            x: 'accuracy',
            y: 'name',
            r: 2.5,
            dy: 9,
            fill: color,
            fillOpacity: 0.45,
          }),
          Plot.ruleY(rows, { y: 'name', x1: 'low', x2: 'high', stroke: color, strokeWidth: 1.75 }),
          Plot.dot(rows, { x: 'mean', y: 'name', r: 5, fill: color }),
          Plot.text(rows, {
            ...written,
            frameAnchor: 'left',
            textAnchor: narrow ? 'start' : 'end',
            dx: narrow ? 0 : -12,
            text: ({ name }: { name: string }) => shorten(name, 20),
          }),
          Plot.text(rows, {
            ...written,
            frameAnchor: 'right',
            textAnchor: 'end',
            dx: narrow ? 0 : 52,
            fontVariant: 'tabular-nums',
            text: (row: { mean: number }) => percent(row.mean),
          }),
        ],
      },
      {
        title: 'Accuracy of each strategy',
        description: rows
          .map(
            ({ name, mean, low, high }) => `${name}: ${percent(mean)}, ${percentRange(low, high)}.`,
          )
          .join(' '),
      },
    )
  }

  return figure(
    responsive(draw),
    `Mean accuracy with its ${percent(first.confidence, 0)} interval; small dots are single folds.${
      rows.some(({ name }) => name === chosen)
        ? ` The strategy in colour, ${chosen}, was chosen.`
        : ''
    } The axis does not begin at zero.`,
  )
}
