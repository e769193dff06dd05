import { onInterrupt } from './interrupt.ts'

const redrawMilliseconds = 80
/** Where lines cannot be drawn over, a phase says how far it is this often. */
const lineMilliseconds = 30_000

/** Where a command says how far it is: standard error, as a bar on a terminal and as plain lines elsewhere. */
export type Progress = {
  /** Shows how far a phase is; the line is drawn again in place. */
  update(phase: string, done: number, total: number, detail?: string): void
  /** A line that stays. */
  line(text: string): void
  /** Takes the bar away. */
  finish(): void
}

type Stream = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>

/**
 * @param stream default: standard error
 * @param environment a bar is drawn on a terminal unless `TERM` is dumb or `CI` is set
 * @param now the time in milliseconds
 */
export function createProgress(
  stream: Stream = process.stderr,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  now: () => number = () => performance.now(),
): Progress {
  const canDraw = stream.isTTY === true && environment.TERM !== 'dumb' && !environment.CI
  return canDraw ? createBar(stream, now) : createLog(stream, now)
}

function createBar(stream: Stream, now: () => number): Progress {
  let isShown = false
  let drawn = Number.NEGATIVE_INFINITY
  let current = ''
  const clear = () => {
    if (isShown) stream.write('\r\x1b[2K')
    isShown = false
  }
  return {
    update(phase, done, total, detail = '') {
      if (now() - drawn < redrawMilliseconds && done < total && phase === current) return
      drawn = now()
      current = phase
      const columns = stream.columns || 80
      const width = columns < 60 ? 10 : columns < 100 ? 16 : 24
      const share = total === 0 ? 1 : done / total
      const filled = Math.round(share * width)
      const bar = `${'━'.repeat(filled)}${'╌'.repeat(width - filled)}`
      const text = plain(`${bar} ${percent(share)} ${phase}${detail && `  ${detail}`}`)
      clear()
      // A line as wide as the terminal would wrap, and could not be taken away again.
      stream.write(text.slice(0, columns - 1))
      isShown = true
    },
    line(text) {
      clear()
      stream.write(`${wrap(plain(text), (stream.columns || 80) - 1)}\n`)
    },
    finish: clear,
  }
}

function createLog(stream: Stream, now: () => number): Progress {
  let written = 0
  let current = ''
  return {
    update(phase, done, total) {
      const isNew = phase !== current
      const isDue = now() - written >= lineMilliseconds
      current = phase
      if (done === total || !(isNew || isDue)) return
      written = now()
      stream.write(plain(isNew ? phase : `${phase}:${percent(done / total)}`).concat('\n'))
    },
    line(text) {
      stream.write(`${plain(text)}\n`)
    },
    finish() {},
  }
}

function percent(share: number): string {
  return `${String(Math.floor(100 * share)).padStart(3)} %`
}

/** One line, whatever is in the name of a file. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ')
}

/** Breaks a line between words; what follows the break is indented. A word that is wider stays whole. */
function wrap(text: string, columns: number): string {
  const lines = ['']
  for (const word of text.split(/(?<=\S)(?= )/)) {
    const line = `${lines.at(-1)}${word}`
    if (line.length <= columns || lines.at(-1) === '') lines[lines.length - 1] = line
    else lines.push(`    ${word.trimStart()}`)
  }
  return lines.join('\n')
}

/** Runs a command with progress, which is gone when it ends, fails or is interrupted; then come the last words. */
export async function withProgress<R>(
  command: (progress: Progress) => Promise<R>,
  lastWords: () => void = () => {},
): Promise<R> {
  const progress = createProgress()
  const uninterrupted = onInterrupt(() => {
    progress.finish()
    lastWords()
  })
  try {
    return await command(progress)
  } finally {
    progress.finish()
    uninterrupted()
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
