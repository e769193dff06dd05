import { describe, expect, it } from 'vitest'
import { createProgress } from './progress.ts'

/** A stream that keeps what is written, and a clock that is set by hand. */
function stage(terminal: { isTTY: boolean; columns?: number }, environment = {}) {
  let written = ''
  let time = 0
  const stream = {
    ...terminal,
    write: (text: string | Uint8Array) => {
      written += text
      return true
    },
  } as unknown as NodeJS.WriteStream
  const progress = createProgress(stream, environment, () => time)
  return {
    progress,
    wait: (milliseconds: number) => {
      time += milliseconds
    },
    take: () => {
      const text = written
      written = ''
      return text
    },
  }
}

const clearLine = '\r\x1b[2K'

describe('on a terminal', () => {
  it('draws over its own line, and takes it away in the end', () => {
    const { progress, take, wait } = stage({ isTTY: true, columns: 80 })
    progress.update('reading images', 1, 4)
    expect(take()).toBe(`${'━'.repeat(4)}${'╌'.repeat(12)}  25 % reading images`)
    wait(100)
    progress.update('reading images', 2, 4, 'loss 0.5')
    expect(take()).toBe(
      `${clearLine}${'━'.repeat(8)}${'╌'.repeat(8)}  50 % reading images  loss 0.5`,
    )
    progress.line('skipped a.jpg')
    expect(take()).toBe(`${clearLine}skipped a.jpg\n`)
    progress.finish()
    expect(take()).toBe('')
  })

  it('draws at most every 80 ms, but always a new phase and the end', () => {
    const { progress, take, wait } = stage({ isTTY: true, columns: 80 })
    progress.update('a', 1, 9)
    take()
    wait(79)
    progress.update('a', 2, 9)
    expect(take()).toBe('')
    progress.update('b', 1, 9)
    expect(take()).toContain('b')
    progress.update('b', 9, 9)
    expect(take()).toContain('100 % b')
  })

  it.each([20, 40, 60, 80, 200])(
    'stays shorter than %i columns, so that it does not wrap',
    (columns) => {
      const { progress, take } = stage({ isTTY: true, columns })
      progress.update('transfer, thawed, fold 1 of 5', 1, 3, `loss 0.123, ${'long '.repeat(50)}`)
      expect(take()).toHaveLength(columns - 1)
    },
  )

  it('reckons with 80 columns where the terminal does not say', () => {
    const { progress, take } = stage({ isTTY: true, columns: 0 })
    progress.update('x'.repeat(200), 1, 3)
    expect(take()).toHaveLength(79)
  })

  it('breaks the lines that stay between words, and never a path', () => {
    const { progress, take } = stage({ isTTY: true, columns: 21 })
    progress.line('  skipped images/of/a/very/long/path.jpg: the file is empty')
    expect(take()).toBe(
      '  skipped\n    images/of/a/very/long/path.jpg:\n    the file is\n    empty\n',
    )
  })

  it('keeps names of files from moving the cursor', () => {
    const { progress, take } = stage({ isTTY: true, columns: 80 })
    progress.line('skipped a\n\x1b[31mb.png')
    expect(take()).toBe('skipped a [31mb.png\n')
  })
})

describe.each([
  ['elsewhere', { isTTY: false }, {}],
  ['on a dumb terminal', { isTTY: true, columns: 80 }, { TERM: 'dumb' }],
  ['in continuous integration', { isTTY: true, columns: 80 }, { CI: 'true' }],
])('%s', (_, terminal, environment) => {
  it('writes a line when a phase begins, and one every half minute', () => {
    const { progress, take, wait } = stage(terminal, environment)
    progress.update('reading images', 1, 100)
    wait(29_999)
    progress.update('reading images', 30, 100)
    expect(take()).toBe('reading images\n')
    wait(1)
    progress.update('reading images', 40, 100)
    progress.update('reading images', 41, 100)
    expect(take()).toBe('reading images: 40 %\n')
    wait(30_000)
    progress.update('reading images', 100, 100)
    progress.line('done')
    progress.finish()
    expect(take()).toBe('done\n')
  })
})
