import type { FrozenTensor, RunRecord } from '../comparison/record.ts'
import { accuracyFigure } from './accuracy-figure.ts'
import { accuracyDomain, curveFigure } from './curve-figure.ts'
import { dataSection } from './data-section.ts'
import { type Html, html } from './html.ts'
import { gallery, type SampleImage } from './images.ts'
import { METHODS, notes } from './methods.ts'
import { count, counted, duration, percent, percentRange } from './numbers.ts'
import { facts, page, section } from './page.ts'
import { createPlotter } from './plotter.ts'
import { decisionLists, reasonList, strategyTable } from './strategy-table.ts'
import { keyValueTable } from './table.ts'
import { testSection } from './test-section.ts'

/**
 * The report of a run as one self-contained HTML document, drawn from its record alone; `images` are shown with the
 * data.
 */
export async function fitReport(
  record: RunRecord,
  images: readonly SampleImage[] = [],
): Promise<string> {
  const { data, strategies, chosen, test } = record
  const plotter = await createPlotter()
  const decisions = decisionLists(strategies)
  const accuracies = accuracyDomain(strategies)
  const curves = strategies.flatMap((strategy) => curveFigure(plotter, strategy, accuracies) ?? [])

  return page(`Graft: ${data.path}`, [
    html`<p class="kicker">Graft ${record.graft} · ${moment(record.created)}</p>
<h1><bdi>${data.path}</bdi></h1>
<p class="verdict">${verdict(record)}</p>
`,
    facts(headlines(record)),
    section(
      'Accuracy of the strategies',
      accuracyFigure(plotter, strategies, chosen),
      strategyTable(strategies) ?? html`<p>No strategy was tried.</p>`,
      reasonList(strategies),
    ),
    decisions.length > 0 ? section('What was decided, and why', ...decisions) : null,
    curves.length > 0
      ? section(
          'Learning curves',
          html`<p>Thin lines are folds, the thick line is their mean. Where folds stopped at different epochs, the mean ends with the first of them.</p>`,
          ...curves,
        )
      : null,
    testSection(plotter, test),
    dataSection(data, await gallery(images)),
    reproduction(record),
    notes([
      strategies.some(({ accuracy }) => accuracy) && METHODS.folds,
      record.verdict && METHODS.verdict,
      test && METHODS.test,
    ]),
  ])
}

function verdict({ verdictSentence, strategies, chosen }: RunRecord): string {
  if (verdictSentence) return verdictSentence
  const done = strategies.filter(({ status }) => status === 'done').length
  if (done === 0) return 'No strategy finished, so there is no model and no verdict.'
  if (done > 1) return 'The strategies were measured, but no verdict was recorded.'
  return `Only one strategy was measured${chosen ? `, ${chosen}` : ''}, so there is nothing to compare it with.`
}

function headlines({ chosen, strategies, test, data }: RunRecord) {
  const accuracy = strategies.find(({ name }) => name === chosen)?.accuracy
  const seconds = strategies.reduce((total, strategy) => total + strategy.seconds, 0)
  return [
    { name: 'Chosen strategy', value: chosen ?? 'none' },
    {
      name: 'Fold accuracy',
      value: percent(accuracy?.mean),
      remark: accuracy ? percentRange(accuracy.low, accuracy.high) : 'not measured',
    },
    {
      name: 'Test accuracy',
      value: percent(test?.accuracy),
      remark: test ? percentRange(test.low, test.high) : 'no test images',
    },
    {
      name: 'Labelled images',
      value: count(data.labelled),
      remark: `in ${counted(data.classes.length, 'class', 'classes')}`,
    },
    { name: 'Training time', value: duration(seconds > 0 ? seconds : null) },
  ]
}

/** "2026-03-02T09:14:00Z" -> "2026-03-02, 09:14 UTC"; anything else as it is. */
const moment = (created: string): string =>
  created.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*Z$/, '$1, $2 UTC')

function reproduction(record: RunRecord): Html {
  const {
    configuration,
    versions,
    device = 'cpu',
    data,
    graft,
    backbone,
    backboneDigest,
    frozen,
  } = record
  const seed = configuration.seed
  return section(
    'How to reproduce',
    html`<p>Run Graft ${graft} again on the same data with the configuration below${
      seed !== undefined && seed !== null && html`; its seed is <code>${String(seed)}</code>`
    }. The fingerprint of the data was <code>${data.fingerprint}</code>.</p>`,
    keyValueTable('Configuration', configuration),
    backbone ? keyValueTable('Backbone', { ...backbone, sha256: backboneDigest }) : null,
    frozen && frozen.length > 0 ? frozenTensors(frozen) : null,
    keyValueTable('Versions and device', { graft, ...versions, device }),
  )
}

function frozenTensors(frozen: readonly FrozenTensor[]): Html {
  const same = frozen.filter(({ before, after }) => before === after).length
  return html`<p>${count(same)} of the ${count(frozen.length)} tensors of the backbone that were to stay frozen are the same in the model,
    bit for bit: <code>run.json</code> has the SHA-256 of each, before and after.</p>`
}
