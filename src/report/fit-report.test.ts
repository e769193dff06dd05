import { describe, expect, it } from 'vitest'
import { runRecord, skipped, strategy } from '../../testing/run-records.ts'
import { expectReport, words } from '../../testing/well-formed.ts'
import type { Evaluation } from '../comparison/record.ts'
import { fitReport } from './fit-report.ts'

const STRANGE = '</title><script>alert("x")</script>&\'<img src=http://a.example onerror=b>'

describe('fitReport', async () => {
  const record = runRecord()
  const report = await fitReport(record)

  it('is one well-formed document that loads nothing', () => expectReport(report))

  it('begins with the verdict', () => {
    const body = words(report.slice(report.indexOf('<main>')))
    const verdict = body.indexOf(record.verdictSentence as string)
    expect(verdict).toBeGreaterThan(0)
    expect(verdict).toBeLessThan(100)
  })

  it('shows each strategy with its accuracy, its interval and its time, or why there is none', () => {
    const text = words(report)
    for (const { name, accuracy, reason } of record.strategies) {
      expect(text).toContain(name)
      if (accuracy) {
        const [mean, low, high] = [accuracy.mean, accuracy.low, accuracy.high].map((value) =>
          (100 * value).toFixed(1),
        )
        expect(text).toContain(`${mean} %`)
        expect(text).toContain(`${low} to ${high} %`)
      }
      if (reason) expect(text).toContain(`was skipped: ${reason}`)
    }
    expect(text).toContain('1 min 1 s')
    expect(text).toContain('layer3')
  })

  it('tells the decisions, and sets off those that were not kept', () => {
    const items = report.split('<li').filter((item) => !item.startsWith('nk'))
    for (const { sentence, kept } of record.strategies.flatMap((s) => s.decisions)) {
      const item = items.find((one) => one.includes(sentence)) as string
      expect(item.startsWith(' class="given-up"')).toBe(!kept)
    }
  })

  it('says how many tensors stayed frozen, and counts those that did not', async () => {
    const frozen = ['a', 'b', 'c'].map((name) => ({ name, before: name, after: name }))
    const changed = [...frozen, { name: 'd', before: 'd', after: 'e' }]
    expect(words(await fitReport({ ...record, frozen }))).toContain('3 of the 3 tensors')
    expect(words(await fitReport({ ...record, frozen: changed }))).toContain('3 of the 4 tensors')
    expect(words(report)).not.toContain('stay frozen')
  })

  it('reports the test with its interval, its classes and its confusions', () => {
    const text = words(report)
    expect(text).toContain('500 test images that no training and no choice has seen')
    expect(text).toContain('right in 88.2 %')
    expect(text).toContain('15 images of “rose” (15.0 %) were called “tulip”')
    expect(text).toContain('Recall and precision of each class')
    expect(text).toContain('rose called tulip: 15 (15.0 %)')
  })

  it('counts the data, lists the files left out, and says how to reproduce', () => {
    const text = words(report)
    expect(text).toContain('400 labelled images, 3 200 unlabelled images and 500 test images')
    expect(text).toContain('flowers/rose/IMG_0042.jpg the file ends in the middle of the image')
    expect(text).toContain('its seed is 7')
    expect(text).toContain('sha256:5f1d9a0c')
    expect(text).toContain('onnxruntime-node 1.30.0')
  })

  it('gives every figure a title and a description', () => {
    const figures = report.match(/<svg[^>]*role="img"[^>]*>.{0,60}/g) ?? []
    // Accuracy for two widths, two panels for each strategy that trained, and the confusion matrix.
    expect(figures).toHaveLength(2 + 2 * 2 + 1)
    for (const figure of figures) expect(figure).toMatch(/><title id="figure-\d+-title">\w/)
    expect(report.match(/<desc /g)).toHaveLength(figures.length)
  })

  it('is the same for the same record', async () => expect(await fitReport(record)).toBe(report))
})

describe('fitReport at the edges', () => {
  it('names the backbone, with its commit and licence', async () => {
    const backbone = {
      name: 'some/network',
      spec: 'some/network@c0ffee:model.onnx',
      revision: 'c0ffee',
      license: 'cc-by-4.0 (that of <some/other>)',
    }
    const report = await fitReport(runRecord({ backbone }))
    expectReport(report)
    const text = words(report)
    for (const value of [backbone.spec, backbone.license]) expect(text).toContain(value)
  })

  const { data, test } = runRecord()

  it('lets no name of a stranger become markup', async () => {
    const report = await fitReport(
      runRecord({
        strategies: [
          strategy(STRANGE, 0.8, { decisions: [{ sentence: STRANGE, kept: true }] }),
          skipped(STRANGE, STRANGE),
        ],
        chosen: STRANGE,
        verdictSentence: STRANGE,
        configuration: { [STRANGE]: STRANGE },
        data: {
          ...data,
          path: STRANGE,
          classes: [STRANGE],
          skipped: [{ file: STRANGE, reason: STRANGE }],
        },
        test: {
          ...(test as Evaluation),
          classes: [STRANGE, 'b'].map((name) => ({ class: name, recall: 1, precision: 1, n: 1 })),
          confusion: [
            [1, 2],
            [0, 1],
          ],
        },
      }),
    )
    expectReport(report)
    expect(report).toContain('&lt;script&gt;')
  })

  it('says so when every strategy was skipped and there is nothing to draw', async () => {
    const report = await fitReport(
      runRecord({
        strategies: [
          skipped('scratch', 'the budget was used up'),
          skipped('transfer', 'no backbone'),
        ],
        chosen: null,
        verdict: null,
        verdictSentence: null,
        test: null,
      }),
    )
    expectReport(report)
    expect(words(report)).toContain('No strategy finished, so there is no model and no verdict.')
    expect(words(report)).toContain('transfer was skipped: no backbone')
    expect(words(report)).toContain('There were no test images')
    expect(report).not.toContain('<svg')
  })

  it('stands a record with nothing in it', async () => {
    const report = await fitReport(
      runRecord({
        strategies: [],
        chosen: null,
        verdict: null,
        verdictSentence: null,
        test: null,
        configuration: {},
        versions: {},
        data: { ...data, classes: [], labelled: 0, unlabelled: 0, test: 0, skipped: [] },
      }),
    )
    expectReport(report)
    expect(words(report)).toContain('No strategy was tried.')
    expect(words(report)).toContain('Every file could be read.')
  })

  it('writes a dash for a class without images and for losses that were not finite', async () => {
    const diverged = strategy('diverged', 0.5)
    const report = await fitReport(
      runRecord({
        strategies: [
          {
            ...diverged,
            seconds: Number.NaN,
            accuracy: { mean: Number.NaN, low: Number.NaN, high: Number.NaN, confidence: 0.95 },
            folds: diverged.folds.map((fold) => ({
              ...fold,
              accuracy: Number.NaN,
              curve: fold.curve.map((point) => ({
                ...point,
                trainingLoss: Number.NaN,
                validationLoss: null,
                validationAccuracy: null,
              })),
            })),
          },
        ],
        test: {
          ...(test as Evaluation),
          logLoss: Number.NaN,
          classes: [
            { class: 'cat', recall: 1, precision: 1, n: 2 },
            { class: 'dog', recall: Number.NaN, precision: Number.NaN, n: 0 },
          ],
          confusion: [
            [2, 0],
            [0, 0],
          ],
        },
      }),
    )
    expectReport(report)
    expect(words(report)).toMatch(/dog\s+– – 0/)
    expect(report).not.toContain('NaN')
  })

  it('one strategy with one fold of one epoch can be drawn', async () => {
    const one = strategy('scratch', 0.5)
    const fold = one.folds[0] as (typeof one.folds)[number]
    const report = await fitReport(
      runRecord({
        strategies: [{ ...one, folds: [{ ...fold, curve: fold.curve.slice(0, 1) }] }],
        chosen: 'scratch',
        verdict: null,
        verdictSentence: null,
      }),
    )
    expectReport(report)
    expect(words(report)).toContain('Only one strategy was measured, scratch')
  })

  it('does not grow without bound with classes and files', async () => {
    const names = Array.from({ length: 200 }, (_, i) => `class ${i}`)
    const report = await fitReport(
      runRecord({
        data: {
          ...data,
          classes: names,
          skipped: names.map((file) => ({ file: `${file}.png`, reason: 'not an image' })),
        },
        test: {
          ...(test as Evaluation),
          classes: names.map((name, i) => ({ class: name, recall: i / 200, precision: 1, n: 5 })),
          confusion: names.map((_, i) => names.map((_, j) => (i === j ? 5 : 0))),
        },
      }),
    )
    expectReport(report)
    expect(report.length).toBeLessThan(300_000)
    expect(words(report)).toContain('the 40 of 200 classes with the lowest recall')
    expect(words(report)).toContain('And 150 more')
  })
})
