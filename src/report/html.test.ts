import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { escapeHtml, html, raw } from './html.ts'
import { table } from './table.ts'

describe('html', () => {
  it('escapes what is interpolated, joins lists, and leaves nothing for null and false', () => {
    const item = (text: string) => html`<li>${text}</li>`
    expect(
      html`<ul>${[item('a<b'), item('"&\'')]}${null}${false}${undefined}${0}</ul>`.markup,
    ).toBe('<ul><li>a&lt;b</li><li>&quot;&amp;&#39;</li></ul>'.replace('</ul>', '0</ul>'))
  })

  it('does not escape markup twice', () => {
    expect(html`<p>${raw('<b>x</b>')}</p>`.markup).toBe('<p><b>x</b></p>')
  })

  it('leaves no character that could open a tag or end an attribute, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        expect(escapeHtml(text)).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/)
      }),
    )
  })

  it('makes control characters visible', () => {
    expect(escapeHtml('a\u0000b\u001b[31mc\td\n')).toBe('a\uFFFDb\uFFFD[31mc\td\n')
  })
})

it('a table has a caption, column heads and row heads, and a name for the part that scrolls', () => {
  const { markup } = table(
    'Scores & more',
    [
      { heading: 'Name', cell: (row: [string, number]) => row[0] },
      { heading: 'Score', cell: (row) => String(row[1]), numeric: true },
    ],
    [['<a>', 1]],
  )
  expect(markup).toContain('<caption>Scores &amp; more</caption>')
  expect(markup).toContain('<th scope="col">Name</th><th scope="col" class="number">Score</th>')
  expect(markup).toContain('<th scope="row">&lt;a&gt;</th><td class="number">1</td>')
  expect(markup).toContain('role="region" aria-label="Scores &amp; more" tabindex="0"')
})
