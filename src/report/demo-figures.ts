import { type CurveKey, linePoints, meanPoints, span } from './curves.ts'
import type { DemoInput, DemoSeed } from './demo-input.ts'
import { epochPlot } from './epoch-plot.ts'
import { type Html, html } from './html.ts'
import { decimalTick, percent, percentTick, signedPoints } from './numbers.ts'
import { figure, legend, type Plotter, responsive, WIDTH } from './plotter.ts'

const WAYS = [
  { way: 'scratch', label: 'from scratch', color: 'var(--second)', dash: '5 3' },
  { way: 'grafted', label: 'grafted', color: 'var(--first)' },
] as const

/** The two accuracies of each seed, joined by a line, and the mean difference with its interval below. */
export function seedFigure(plotter: Plotter, { seeds, comparison }: DemoInput): Html | null {
  const { Plot } = plotter
  const results = seeds.flatMap(({ seed, scratch, grafted }) => [
    { seed: String(seed), way: 'scratch', accuracy: scratch.accuracy },
    { seed: String(seed), way: 'grafted', accuracy: grafted.accuracy },
  ])
  const domain = span(
    results.map(({ accuracy }) => accuracy),
    0,
    1,
  )
  if (domain === null) return null
  const rows = seeds.map(({ seed, scratch, grafted }) => ({
    seed: String(seed),
    from: scratch.accuracy,
    to: grafted.accuracy,
  }))
  const draw = (width: number): Html => {
    const ticks = width < WIDTH.wide ? 4 : 6
    return plotter.svg(
      {
        width,
        height: 22 * seeds.length + 60,
        marginLeft: 62,
        marginRight: 52,
        marginTop: 8,
        marginBottom: 42,
        x: { domain },
        y: { domain: rows.map(({ seed }) => seed), type: 'point', padding: 0.6 },
        marks: [
          Plot.gridX({ stroke: 'var(--rule)', strokeOpacity: 1, ticks }),
          Plot.axisX({
            tickSize: 0,
            ticks,
            tickFormat: percentTick(domain),
            label: 'Test accuracy',
            labelAnchor: 'center',
            labelArrow: 'none',
          }),
          Plot.axisY({ tickSize: 0, label: null, tickFormat: (seed: string) => `seed ${seed}` }),
          Plot.ruleY(rows, {
            y: 'seed',
            x1: 'from',
            x2: 'to',
            stroke: 'currentColor',
            strokeOpacity: 0.45,
            strokeWidth: 1.5,
          }),
          Plot.dot(rows, {
            x: 'from',
            y: 'seed',
            r: 4,
            fill: 'var(--paper)',
            stroke: 'var(--second)',
            strokeWidth: 2,
          }),
          Plot.dot(rows, { x: 'to', y: 'seed', r: 5, fill: 'var(--first)' }),
          Plot.text(rows, {
            y: 'seed',
            frameAnchor: 'right',
            dx: 44,
            textAnchor: 'end',
            fontVariant: 'tabular-nums',
            text: ({ from, to }: (typeof rows)[number]) => signedPoints(to - from),
          }),
        ],
      },
      {
        title: 'Test accuracy of each seed, from scratch and grafted',
        description: rows
          .map(
            ({ seed, from, to }) =>
              `Seed ${seed}: ${percent(from)} from scratch, ${percent(to)} grafted.`,
          )
          .join(' '),
      },
    )
  }
  return figure(
    html`${dotLegend}${responsive(draw)}`,
    `Each row is one seed; at its right the difference in points, ${signedPoints(comparison.difference)} on average. The axis does not begin at zero.`,
  )
}

/** Mean curves of both ways with the range of the seeds. Null when no curves were kept. */
export function seedCurveFigure(plotter: Plotter, seeds: readonly DemoSeed[]): Html | null {
  const accuracy = curvePanel(plotter, seeds, 'validationAccuracy', 'Validation accuracy')
  const loss = curvePanel(plotter, seeds, 'trainingLoss', 'Training loss')
  if (!accuracy && !loss) return null
  return figure(
    html`${legend(WAYS)}<div class="pair">${accuracy}${loss}</div>`,
    'Lines are means over the seeds; bands reach from the lowest seed to the highest.',
  )
}

function curvePanel(
  plotter: Plotter,
  seeds: readonly DemoSeed[],
  key: CurveKey,
  label: string,
): Html | null {
  const { Plot } = plotter
  const drawn = WAYS.map((style) => {
    const curves = seeds.map((seed) => seed[style.way].curve)
    return { ...style, all: linePoints(curves, key), mean: meanPoints(curves, key) }
  })
  const points = drawn.flatMap(({ all }) => all)
  const isAccuracy = key === 'validationAccuracy'
  const range = span(
    points.map(({ value }) => value),
    0,
    isAccuracy ? 1 : Number.POSITIVE_INFINITY,
  )
  if (range === null) return null
  const domain: [number, number] = isAccuracy ? range : [0, range[1]]
  const tickFormat = isAccuracy ? percentTick(domain) : decimalTick(domain[1])
  const epochs = points.map(({ epoch }) => epoch)
  const marks = drawn.flatMap(({ mean, color, ...line }) => [
    Plot.areaY(mean, { x: 'epoch', y1: 'low', y2: 'high', fill: color, fillOpacity: 0.14 }),
    Plot.line(mean, {
      x: 'epoch',
      y: 'mean',
      stroke: color,
      strokeWidth: 2.25,
      ...('dash' in line ? { strokeDasharray: line.dash } : {}),
    }),
  ])
  return epochPlot(
    plotter,
    { label, epochs, domain, tickFormat, marks },
    {
      title: `${label} by epoch, from scratch and grafted`,
      description: drawn
        .flatMap(({ label, mean }) => {
          const end = mean.at(-1)
          return end ? [`Mean ${label} at epoch ${end.epoch}: ${tickFormat(end.mean)}.`] : []
        })
        .join(' '),
    },
  )
}

const dotLegend = html`<p class="legend"><span><svg width="12" height="12" aria-hidden="true"><circle cx="6" cy="6" r="4" fill="none" stroke="var(--second)" stroke-width="2"/></svg> from scratch</span> <span><svg width="12" height="12" aria-hidden="true"><circle cx="6" cy="6" r="5" fill="var(--first)"/></svg> grafted</span></p>`
