import { type Html, html } from './html.ts'

const link = (text: string, doi: string): Html => html`<a href="https://doi.org/${doi}">${text}</a>`

const NADEAU_BENGIO = link('Nadeau and Bengio, 2003', '10.1023/A:1024068626366')
const WILSON = link('Wilson, 1927', '10.1080/01621459.1927.10502953')
const STUDENT = link('Student, 1908', '10.1093/biomet/6.1.1')

/** How the numbers of a report were found, each with its source. */
export const METHODS = {
  folds: html`Accuracy over folds: corrected resampled t interval (${NADEAU_BENGIO}), which allows for folds that share training images, and never narrower than Wilson’s interval for the images scored.`,
  verdict: html`Verdict: strategies are compared on the same folds by the corrected resampled paired t test (${NADEAU_BENGIO}). “Better” means that the interval of the difference leaves out zero.`,
  test: html`Accuracy on test images: score interval of a proportion at 95 % (${WILSON}).`,
  seeds: html`Difference over seeds: paired t interval (${STUDENT}); both networks of a seed learn from the same labels and are scored on the same images.`,
} as const

/** The methods that a report used, at its end. */
export function notes(methods: readonly (Html | null | false | '')[]): Html | null {
  const used = methods.filter((method) => typeof method === 'object' && method !== null)
  if (used.length === 0) return null
  return html`<section class="notes">
<h2>How the intervals were found</h2>
<ul>${used.map((method) => html`<li>${method}</li>`)}</ul>
</section>
`
}
