/** The style sheet of every report. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fcfcfa; --ink: #1c1d1f; --soft: #5f6368; --rule: #d9d9d4; --shade: #f2f2ee;
  --first: #1d5fa6; --second: #b3560b; --heat: 29 95 166;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #151618; --ink: #e3e3df; --soft: #a2a5a9; --rule: #3a3c40; --shade: #1e2023;
    --first: #7fb2ec; --second: #eda05a; --heat: 127 178 236;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.55 Charter, 'Bitstream Charter', 'Sitka Text', Cambria, Georgia, serif;
}
main { max-width: 46rem; margin: 0 auto; padding: 2.5rem 1rem 4rem; }
h1, h2, h3, table, figcaption, .legend, .plot, .kicker, .facts, .notes, .gallery {
  font-family: system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif;
}
h1 { font-size: 1.6rem; line-height: 1.25; font-weight: 650; margin: 0 0 1rem; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; font-weight: 650; margin: 3.25rem 0 .75rem; padding-top: .6rem; border-top: 1px solid var(--rule); }
h3 { font-size: .95rem; font-weight: 650; margin: 1.75rem 0 .35rem; overflow-wrap: anywhere; }
p, ul { margin: 0 0 .9rem; }
ul { padding-left: 1.2rem; }
li { margin-bottom: .35rem; overflow-wrap: anywhere; }
a { color: var(--first); text-underline-offset: .15em; }
a:focus-visible, .scroll:focus-visible { outline: 2px solid var(--first); outline-offset: 2px; }
.kicker { color: var(--soft); font-size: .82rem; margin-bottom: .6rem; overflow-wrap: anywhere; }
.verdict { font-size: 1.3rem; line-height: 1.45; margin-bottom: 1.5rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .9rem 1.25rem; margin: 0; }
.facts dt { color: var(--soft); font-size: .78rem; }
.facts dd { margin: 0; font-size: 1.05rem; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.facts small { display: block; color: var(--soft); font-size: .78rem; }
.scroll { overflow-x: auto; margin: 1rem 0 1.4rem; }
table { border-collapse: collapse; font-size: .82rem; line-height: 1.4; min-width: 50%; }
caption { text-align: left; color: var(--soft); padding-bottom: .45rem; }
th, td { text-align: left; vertical-align: baseline; padding: .32rem 1.1rem .32rem 0; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-weight: 400; color: var(--soft); border-bottom: 1px solid var(--soft); white-space: nowrap; vertical-align: bottom; }
tbody th { font-weight: 600; min-width: 5rem; max-width: 22rem; }
tbody tr + tr > * { border-top: 1px solid var(--rule); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td small { color: var(--soft); font-size: inherit; }
figure { margin: 1.4rem 0; }
figcaption { color: var(--soft); font-size: .82rem; line-height: 1.45; margin-top: .5rem; }
figure + .scroll { margin-top: 1.8rem; }
.plot { display: block; max-width: 100%; height: auto; overflow: visible; }
.plot text { white-space: pre; }
.scroll .plot { max-width: none; }
.pair { display: flex; flex-wrap: wrap; gap: 1rem; }
.legend { font-size: .8rem; margin: 0 0 .4rem; }
.legend span { white-space: nowrap; margin-right: 1rem; }
.narrow { display: none; }
.gallery { display: flex; flex-wrap: wrap; gap: .6rem; margin: 0; padding: 0; list-style: none; font-size: .75rem; line-height: 1.3; color: var(--soft); }
.gallery li { width: 4.5rem; margin: 0; }
.gallery img { display: block; width: 100%; height: auto; image-rendering: pixelated; margin-bottom: .2rem; }
.given-up { color: var(--soft); }
.notes { font-size: .82rem; line-height: 1.5; color: var(--soft); }
.notes h2 { color: var(--ink); }
code { font: .88em ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; overflow-wrap: anywhere; }
@media (max-width: 45rem) {
  main { padding: 1.5rem .75rem 3rem; }
  h1 { font-size: 1.35rem; }
  .verdict { font-size: 1.15rem; }
  .wide { display: none; }
  .narrow { display: block; }
  th, td { padding-right: .8rem; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --ink: #000; --soft: #444; --rule: #ccc; --shade: #f4f4f4;
    --first: #1d5fa6; --second: #b3560b; --heat: 29 95 166;
  }
  body { font-size: 10.5pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  .wide { display: block; }
  .narrow { display: none; }
  .scroll { overflow: visible; }
  h2, h3, caption { break-after: avoid; }
  figure, tr, .verdict { break-inside: avoid; }
}
`
