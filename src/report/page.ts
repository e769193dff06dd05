import { type Html, html, raw } from './html.ts'
import { STYLE } from './style.ts'

/**
 * One whole HTML document. Its content policy lets nothing be loaded and no script run, so a report can be mailed,
 * archived and opened without asking anybody's server.
 */
export function page(title: string, content: readonly (Html | null)[]): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="generator" content="Graft">
<title>${title}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<main>
${content}
</main>
</body>
</html>
`.markup
}

/** A part of a report under its heading; pieces that are null or false are left out. */
export const section = (heading: string, ...content: readonly (Html | null | false)[]): Html =>
  html`<section>
<h2>${heading}</h2>
${content}
</section>
`

/** A few numbers under the verdict: what each is, its value, and a smaller remark. */
export const facts = (
  entries: readonly { readonly name: string; readonly value: string; readonly remark?: string }[],
): Html =>
  html`<dl class="facts">${entries.map(
    ({ name, value, remark }) =>
      html`<div><dt>${name}</dt><dd>${value}${remark && html`<small>${remark}</small>`}</dd></div>`,
  )}</dl>
`
