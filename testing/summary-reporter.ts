import type { Reporter, SerializedError, TestModule, TestRunEndReason } from 'vitest/node'

/** How many tests passed, failed and were skipped. */
export type TestCounts = {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/**
 * Counts the tests of a run. Whatever went wrong outside a test counts as a failure of its own: a file that could not be
 * imported, a failing hook of a suite, an unhandled error. So does a test that never reported its end.
 */
export function countTests(
  modules: Iterable<TestModule>,
  unhandledErrors: readonly SerializedError[] = [],
): TestCounts {
  let passed = 0
  let failed = unhandledErrors.length
  let skipped = 0
  for (const module of modules) {
    failed += module.errors().length
    for (const suite of module.children.allSuites()) failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') passed++
      else if (state === 'skipped') skipped++
      else failed++
    }
  }
  return { passed, failed, skipped }
}

/** The closing line of a test run: `12 passed, 0 failed`, and `, 1 skipped` where any were. */
export function summaryLine({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/**
 * Ends the output of vitest with the real counts of tests, alone on the last line. A run that breaks off, or exits with
 * an error although no test failed, ends with one failure more.
 */
export default class SummaryReporter implements Reporter {
  #counts: TestCounts = { passed: 0, failed: 1, skipped: 0 }

  onInit(): void {
    // The last moment of the process, so that nothing else is printed below the line.
    process.once('exit', (code) => {
      const { failed } = this.#counts
      const counts = { ...this.#counts, failed: code === 0 ? failed : Math.max(failed, 1) }
      process.stdout.write(`${summaryLine(counts)}\n`)
    })
  }

  onTestRunEnd(
    modules: readonly TestModule[],
    unhandledErrors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    const counts = countTests(modules, unhandledErrors)
    const broken = reason !== 'passed' && counts.failed === 0
    this.#counts = broken ? { ...counts, failed: 1 } : counts
  }
}
