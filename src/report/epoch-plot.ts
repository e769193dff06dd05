import type { Markish } from '@observablehq/plot'
import type { Html } from './html.ts'
import { type Description, type Plotter, WIDTH } from './plotter.ts'

export type EpochPlot = {
  /** Stands above the vertical axis. */
  readonly label: string
  /** All epochs that are drawn. */
  readonly epochs: readonly number[]
  /** Range of the vertical axis. */
  readonly domain: readonly [number, number]
  readonly tickFormat: (value: number) => string
  readonly marks: readonly Markish[]
}

/** A small plot of something by epoch; two of them stand side by side where there is room. */
export function epochPlot(plotter: Plotter, plot: EpochPlot, text: Description): Html {
  const { Plot } = plotter
  const { label, epochs, domain, tickFormat, marks } = plot
  const [first, last] = [Math.min(...epochs), Math.max(...epochs)]
  return plotter.svg(
    {
      width: WIDTH.half,
      height: 220,
      marginLeft: 48,
      marginRight: 12,
      marginTop: 30,
      marginBottom: 36,
      x: { domain: first === last ? [first - 1, last + 1] : [first, last] },
      y: { domain, nice: true },
      marks: [
        Plot.gridY({ ticks: 4, stroke: 'var(--rule)', strokeOpacity: 1 }),
        Plot.axisY({ ticks: 4, tickSize: 0, tickFormat, label: null }),
        Plot.axisX(integerTicks(first, last), {
          tickSize: 3,
          tickFormat: String,
          label: 'Epoch',
          labelAnchor: 'center',
          labelArrow: 'none',
        }),
        Plot.text([label], {
          frameAnchor: 'top-left',
          dx: -44,
          dy: -26,
          fontWeight: 600,
          textAnchor: 'start',
        }),
        ...marks,
      ],
    },
    text,
  )
}

/** At most six whole numbers from `first` to `last`. */
export function integerTicks(first: number, last: number): number[] {
  const least = Math.max(1, (last - first) / 5)
  const scale = 10 ** Math.floor(Math.log10(least))
  const step = [1, 2, 5, 10].map((factor) => factor * scale).find((s) => s >= least) as number
  const ticks: number[] = []
  for (let tick = Math.ceil(first / step) * step; tick <= last; tick += step) ticks.push(tick)
  return ticks
}
