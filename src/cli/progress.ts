const barWidth = 24
const redrawMilliseconds = 80

/** Where a command says how far it is: standard error, as a bar on a terminal and as plain lines elsewhere. */
export type Progress = {
  /** Shows how far a phase is; the line is drawn again in place. */
  update(phase: string, done: number, total: number, detail?: string): void
  /** A line that stays. */
  line(text: string): void
  /** Takes the bar away. */
  finish(): void
}

/**
 * @param stream default: standard error
 * @param quiet whether only lines are shown
 */
export function createProgress(
  stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'> = process.stderr,
): Progress {
  const terminal = stream.isTTY === true
  let shown = false
  let drawn = 0
  let phaseShown = ''
  const clear = () => {
    if (shown) stream.write('\r\x1b[2K')
    shown = false
  }
  return {
    update(phase, done, total, detail = '') {
      if (!terminal) {
        // One line a phase is enough for a log.
        if (phase !== phaseShown && done < total) stream.write(`${phase}\n`)
        phaseShown = phase
        return
      }
      const now = performance.now()
      if (now - drawn < redrawMilliseconds && done < total && phase === phaseShown) return
      drawn = now
      phaseShown = phase
      const columns = stream.columns ?? 80
      const share = total === 0 ? 1 : done / total
      const width = columns < 60 ? 10 : barWidth
      const filled = Math.round(share * width)
      const bar = `${'━'.repeat(filled)}${'╌'.repeat(width - filled)}`
      const text = `${bar} ${String(Math.round(100 * share)).padStart(3)} % ${phase}${detail && `  ${detail}`}`
      clear()
      stream.write(text.slice(0, columns - 1))
      shown = true
    },
    line(text) {
      clear()
      stream.write(`${text}\n`)
    },
    finish: clear,
  }
}

/** Runs a generator to its end, giving every event to a listener. */
export async function listen<E, R>(
  events: AsyncGenerator<E, R>,
  listener: (event: E) => void | Promise<void>,
): Promise<R> {
  for (;;) {
    const { done, value } = await events.next()
    if (done) return value
    await listener(value)
  }
}
