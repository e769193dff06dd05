const [width, height, margin] = [340, 150, 30]

type Scale = { readonly last: number; readonly top: number; readonly unit: (y: number) => string }

/** A line through the values of the epochs 1, 2, and so on, as the content of an SVG element. */
export function curve(values: readonly number[], { last, top, unit }: Scale): string {
  const x = (epoch: number) => margin + ((epoch - 1) / Math.max(1, last - 1)) * (width - margin)
  const y = (value: number) => height * (1 - Math.min(value, top) / top)
  const rules = [0, top / 2, top].map(
    (value) =>
      `<line class="rule" x1="${margin}" x2="${width}" y1="${y(value)}" y2="${y(value)}" />` +
      `<text x="${margin - 6}" y="${y(value) + 4}" text-anchor="end">${unit(value)}</text>`,
  )
  const epochs = [1, last].map(
    (epoch) =>
      `<text x="${x(epoch)}" y="${height + 16}" text-anchor="${epoch === 1 ? 'start' : 'end'}">epoch ${epoch}</text>`,
  )
  const points = values.map((value, index) => `${x(index + 1)},${y(value)}`).join(' ')
  return `${rules.join('')}${epochs.join('')}<polyline class="line" points="${points}" />`
}

export const viewBox = `0 -8 ${width} ${height + 28}`
