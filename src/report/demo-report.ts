import type { PairedComparison } from '../statistics/paired.ts'
import { seedCurveFigure, seedFigure } from './demo-figures.ts'
import type { DemoInput, DemoSeed } from './demo-input.ts'
import { type Html, html } from './html.ts'
import { gallery } from './images.ts'
import { METHODS, notes } from './methods.ts'
import { counted, duration, percent, points, pValue, signedPoints } from './numbers.ts'
import { facts, page, section } from './page.ts'
import { createPlotter } from './plotter.ts'
import { table } from './table.ts'

/** The report of `graft demo` as one self-contained HTML document. */
export async function demoReport(input: DemoInput): Promise<string> {
  const { title, classes, labels, seeds, comparison, seconds, dataSource } = input
  const plotter = await createPlotter()
  const curves = seedCurveFigure(plotter, seeds)
  const mean = (value: (seed: DemoSeed) => number) =>
    seeds.length > 0 ? seeds.reduce((sum, seed) => sum + value(seed), 0) / seeds.length : null
  const scratch = mean((seed) => seed.scratch.accuracy)
  const grafted = mean((seed) => seed.grafted.accuracy)

  return page(`Graft: ${title}`, [
    html`<p class="kicker">Graft demo</p>
<h1>${title}</h1>
<p class="verdict">${demoVerdict(input)}</p>
`,
    facts([
      { name: 'From scratch', value: percent(scratch), remark: 'mean test accuracy' },
      { name: 'Grafted', value: percent(grafted), remark: 'mean test accuracy' },
      {
        name: 'Difference',
        value: `${points(comparison.difference)} points`,
        remark: interval(comparison),
      },
      { name: 'Seeds', value: String(seeds.length), remark: `in ${duration(seconds)}` },
    ]),
    section(
      'The experiment',
      html`<p>A source network learns other classes first and then names ${percent(mean((seed) => seed.sourceAccuracy))} of their test images rightly. A second network has to tell “${classes[0]}” from “${classes[1]}”, which the source never saw, with ${counted(labels, 'label')} in all. It is trained twice for each seed: from scratch, and grafted, that is, built on the first layers of the source.</p>`,
      await gallery(input.sampleImages),
    ),
    section('Each seed', seedFigure(plotter, input), seedTable(seeds)),
    curves && section('Learning curves', curves),
    section(
      'Data',
      html`<p><a href="${webAddress(dataSource.url)}">${dataSource.name}</a>, licence: ${dataSource.licence}.</p>`,
    ),
    notes([METHODS.seeds]),
  ])
}

/** The honest sentence: by how much, how sure, and in how many seeds. */
export function demoVerdict({ seeds, comparison, labels }: DemoInput): string {
  const wins = seeds.filter(({ scratch, grafted }) => grafted.accuracy > scratch.accuracy).length
  const ties = seeds.filter(({ scratch, grafted }) => grafted.accuracy === scratch.accuracy).length
  const tied = ties > 0 ? ` and tied in ${ties}` : ''
  const record = `Reuse won in ${wins} of ${counted(seeds.length, 'seed')}${tied}.`
  const size = points(Math.abs(comparison.difference))
  const range = `95 % interval ${interval(comparison)}, ${pValue(comparison.pValue)}`.replace(
    '95 %',
    percent(comparison.confidence, 0),
  )
  if (!comparison.reliable) {
    return `No reliable difference: with ${counted(labels, 'label')}, grafting changed the accuracy by ${points(comparison.difference)} points on average (${range}). ${record}`
  }
  const direction = comparison.difference > 0 ? 'helped: it raised' : 'hurt: it lowered'
  return `Grafting ${direction} the accuracy with ${counted(labels, 'label')} by ${size} points on average (${range}). ${record}`
}

const interval = ({ low, high }: PairedComparison): string =>
  Number.isFinite(low) && Number.isFinite(high) ? `${points(low)} to ${points(high)}` : 'unbounded'

const seedTable = (seeds: readonly DemoSeed[]): Html =>
  table<DemoSeed>(
    'Test accuracy of each seed',
    [
      { heading: 'Seed', cell: ({ seed }) => String(seed) },
      { heading: 'From scratch', cell: ({ scratch }) => percent(scratch.accuracy), numeric: true },
      { heading: 'Grafted', cell: ({ grafted }) => percent(grafted.accuracy), numeric: true },
      {
        heading: 'Difference',
        cell: ({ scratch, grafted }) => signedPoints(grafted.accuracy - scratch.accuracy),
        numeric: true,
      },
      { heading: 'Source', cell: ({ sourceAccuracy }) => percent(sourceAccuracy), numeric: true },
    ],
    seeds,
  )

/** Only web addresses become links: a `javascript:` address must not. */
const webAddress = (address: string): string => (/^https?:\/\//i.test(address) ? address : '#')
