import { type Html, html, raw } from './html.ts'

type Plotting = typeof import('@observablehq/plot')
export type PlotOptions = NonNullable<Parameters<Plotting['plot']>[0]>

/** What a figure shows, for people who cannot see it. */
export type Description = { readonly title: string; readonly description: string }

export type Plotter = {
  readonly Plot: Plotting
  /** Draws a plot as inline SVG with a title and a description. */
  svg(options: PlotOptions, text: Description): Html
}

/** Widths in CSS pixels: of the column of text, of a telephone's screen, and of one of two plots side by side. */
export const WIDTH = { wide: 704, narrow: 336, half: 344 } as const

/** Loads Observable Plot and a document without a browser; only a report that is being drawn pays for that. */
export async function createPlotter(): Promise<Plotter> {
  const [Plot, { parseHTML }] = await Promise.all([
    import('@observablehq/plot'),
    import('linkedom'),
  ])
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  let figures = 0

  return {
    Plot,
    svg(options, { title, description }) {
      const svg = Plot.plot({
        className: 'plot',
        style: { fontSize: '12px' },
        ...options,
        document,
      })
      svg.querySelector('style')?.remove() // its rules are in the style sheet of the page
      const id = `figure-${++figures}`
      svg.setAttribute('role', 'img')
      svg.setAttribute('aria-labelledby', `${id}-title ${id}-description`)
      for (const element of svg.querySelectorAll('*')) shortenNumbers(element)
      const text = html`<title id="${id}-title">${title}</title><desc id="${id}-description">${description}</desc>`
      return raw(svg.outerHTML.replace('>', () => `>${text.markup}`))
    },
  }
}

/** The same drawing for a wide and for a narrow screen; the style sheet shows one of them. */
export const responsive = (draw: (width: number) => Html): Html =>
  html`<div class="wide">${draw(WIDTH.wide)}</div><div class="narrow">${draw(WIDTH.narrow)}</div>`

export const figure = (content: Html | readonly Html[], caption: string | Html): Html =>
  html`<figure>${content}<figcaption>${caption}</figcaption></figure>`

/** Entries of a legend, in the colours and dashes of the plot. */
export const legend = (
  entries: readonly { readonly label: string; readonly color: string; readonly dash?: string }[],
): Html =>
  html`<p class="legend">${entries.map(
    ({ label, color, dash }) =>
      html`<span><svg width="22" height="8" aria-hidden="true"><line x1="0" x2="22" y1="4" y2="4" stroke="${color}" stroke-width="2.5"${
        dash && html` stroke-dasharray="${dash}"`
      }/></svg> ${label}</span> `,
  )}</p>`

/** A label of at most `length` characters. */
export const shorten = (label: string, length: number): string => {
  const characters = [...label]
  return characters.length <= length ? label : `${characters.slice(0, length - 1).join('')}…`
}

type Attributes = {
  getAttribute(name: string): string | null
  setAttribute(name: string, value: string): void
}

/** A hundredth of a pixel is enough, and halves the size of a report. */
function shortenNumbers(element: Attributes): void {
  for (const name of GEOMETRY) {
    const value = element.getAttribute(name)
    if (value?.includes('.')) {
      element.setAttribute(
        name,
        value.replace(/\d+\.\d{3,}/g, (number) => String(+Number(number).toFixed(2))),
      )
    }
  }
}

const GEOMETRY = [
  'd',
  'transform',
  'x',
  'y',
  'x1',
  'x2',
  'y1',
  'y2',
  'cx',
  'cy',
  'width',
  'height',
  'fill-opacity',
]
