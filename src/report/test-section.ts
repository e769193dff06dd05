import type { ClassScore, Evaluation } from '../comparison/record.ts'
import { confusionFigure, worst } from './confusion-figure.ts'
import { type Html, html } from './html.ts'
import { count, counted, decimal, percent, percentRange } from './numbers.ts'
import { section } from './page.ts'
import type { Plotter } from './plotter.ts'
import { table } from './table.ts'

const MOST_CLASSES = 40

/** The result on test images, or the plain statement that there were none. */
export function testSection(plotter: Plotter, test: Evaluation | null): Html {
  if (test === null) {
    return section(
      'Test',
      html`<p>There were no test images, so the accuracies above come from folds of the labelled images alone. The chosen strategy was picked by those same numbers, which makes its own a little too good.</p>`,
    )
  }
  const { accuracy, low, high, n, logLoss, classes, confusion } = test
  const mistakes = worst(
    confusion,
    classes.map((score) => score.class),
  )
  return section(
    'Test',
    html`<p>On ${counted(n, 'test image')} that no training and no choice has seen, the model is right in ${percent(accuracy)} (95 % interval ${percentRange(low, high)}). Its log loss is ${decimal(logLoss)}.${
      mistakes.length > 0 && ` The most frequent mistakes: ${mistakes.join(' ')}`
    }</p>`,
    classTable(classes),
    confusionFigure(plotter, test),
  )
}

function classTable(classes: readonly ClassScore[]): Html | null {
  if (classes.length === 0) return null
  const many = classes.length > MOST_CLASSES
  const value = ({ recall, n }: ClassScore) =>
    n > 0 && recall !== null && Number.isFinite(recall) ? recall : 2
  const shown = many
    ? [...classes].sort((a, b) => value(a) - value(b)).slice(0, MOST_CLASSES)
    : classes
  return table<ClassScore>(
    many
      ? `Recall and precision on the test images: the ${MOST_CLASSES} of ${classes.length} classes with the lowest recall`
      : 'Recall and precision of each class on the test images',
    [
      { heading: 'Class', cell: (score) => html`<bdi>${score.class}</bdi>` },
      { heading: 'Recall', cell: ({ recall, n }) => percent(n > 0 ? recall : null), numeric: true },
      { heading: 'Precision', cell: ({ precision }) => percent(precision), numeric: true },
      { heading: 'Images', cell: ({ n }) => count(n), numeric: true },
    ],
    shown,
  )
}
