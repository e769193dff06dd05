import type { FitEvent } from '../comparison/choose-strategy.ts'
import type { Progress } from './progress.ts'

type Show = {
  readonly [T in FitEvent['type']]: (
    event: Extract<FitEvent, { type: T }>,
    progress: Progress,
  ) => void
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

/** How each event of a run is shown. */
const show: Show = {
  decode: ({ part, done, total }, progress) =>
    progress.update(part === 'train' ? 'reading images' : `reading ${part} images`, done, total),
  skipped: ({ file, reason }, progress) => progress.line(`skipped ${file}: ${reason}`),
  progress: ({ phase, done, total }, progress) => progress.update(phase, done, total),
  epoch: ({ phase, epoch, epochs, trainingLoss, validationAccuracy }, progress) => {
    const held = validationAccuracy === null ? '' : `, held out ${percent(validationAccuracy)}`
    progress.update(phase, epoch, epochs, `loss ${trainingLoss.toFixed(3)}${held}`)
  },
  notice: ({ sentence }, progress) => progress.line(sentence),
  decision: ({ sentence }, progress) => progress.line(`  ${sentence}`),
  strategy: (event, progress) => {
    if (event.status === 'started') return
    const { name, status, reason, accuracy } = event
    const result = accuracy
      ? `${percent(accuracy.mean)} (${percent(accuracy.low)} to ${percent(accuracy.high)})`
      : `${status}: ${reason}`
    progress.line(`${name}: ${result}`)
  },
  verdict: ({ sentence }, progress) => progress.line(sentence),
}

export function showEvent(event: FitEvent, progress: Progress): void {
  ;(show[event.type] as (event: FitEvent, progress: Progress) => void)(event, progress)
}
