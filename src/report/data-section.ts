import type { DataRecord, SkippedFile } from '../comparison/record.ts'
import { type Html, html } from './html.ts'
import { counted } from './numbers.ts'
import { section } from './page.ts'
import { table } from './table.ts'

const MOST_FILES = 50

/** What the run learned from: counts, classes and the files that could not be used. */
export function dataSection(data: DataRecord, samples: Html | null): Html {
  const { height, width, channels } = data.imageSize
  const colour = channels === 1 ? 'grey' : channels === 3 ? 'colour' : `${channels}-channel`
  return section(
    'Data',
    html`<p><code><bdi>${data.path}</bdi></code> (${data.kind}): ${counted(data.labelled, 'labelled image')}, ${counted(data.unlabelled, 'unlabelled image')} and ${counted(data.test, 'test image')}, typically of ${width} × ${height} pixels, in ${colour}.</p>`,
    html`<p>${counted(data.classes.length, 'class', 'classes')}: ${data.classes.map(
      (name, i) => html`${i > 0 && ', '}<bdi>${name}</bdi>`,
    )}.</p>`,
    samples,
    skippedFiles(data.skipped),
  )
}

function skippedFiles(skipped: readonly SkippedFile[]): Html {
  if (skipped.length === 0) return html`<p>Every file could be read.</p>`
  const more = skipped.length - MOST_FILES
  return html`<p>${counted(skipped.length, 'file')} could not be used and ${skipped.length === 1 ? 'was' : 'were'} left out.</p>
${table<SkippedFile>(
  'Files that were left out',
  [
    { heading: 'File', cell: ({ file }) => html`<code><bdi>${file}</bdi></code>` },
    { heading: 'Reason', cell: ({ reason }) => reason },
  ],
  skipped.slice(0, MOST_FILES),
)}
${more > 0 && html`<p>And ${counted(more, 'more', 'more')}, all listed in <code>run.json</code>.</p>`}`
}
