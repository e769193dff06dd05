import { describe, expect, test } from 'vitest'
import type { TestModule } from 'vitest/node'
import { countTests, summaryLine } from './summary-reporter.ts'

type State = 'passed' | 'failed' | 'skipped' | 'pending'

/** As much of vitest's TestModule as the counting reads. */
function module(states: State[], { importErrors = 0, suiteErrors = [] as number[] } = {}) {
  const errors = (count: number) => Array.from({ length: count }, () => ({ message: 'broken' }))
  return {
    errors: () => errors(importErrors),
    children: {
      allSuites: () => suiteErrors.map((count) => ({ errors: () => errors(count) })),
      allTests: () => states.map((state) => ({ result: () => ({ state }) })),
    },
  } as unknown as TestModule
}

describe('countTests', () => {
  test('adds the tests of all modules by how they ended', () => {
    const modules = [module(['passed', 'skipped', 'passed']), module(['failed', 'passed'])]
    expect(countTests(modules)).toEqual({ passed: 3, failed: 1, skipped: 1 })
  })

  test('a file that cannot be imported is a failure', () => {
    const modules = [module(['passed']), module([], { importErrors: 1 })]
    expect(countTests(modules)).toEqual({ passed: 1, failed: 1, skipped: 0 })
  })

  test('a failing hook of a suite is a failure, beside the tests that it kept from running', () => {
    const modules = [module(['skipped', 'skipped'], { suiteErrors: [0, 1] })]
    expect(countTests(modules)).toEqual({ passed: 0, failed: 1, skipped: 2 })
  })

  test('a test that never ended is a failure', () => {
    expect(countTests([module(['passed', 'pending'])]).failed).toBe(1)
  })

  test('every unhandled error is a failure', () => {
    const unhandled = [{ message: 'first' }, { message: 'second' }]
    expect(countTests([module(['passed'])], unhandled)).toEqual({
      passed: 1,
      failed: 2,
      skipped: 0,
    })
  })
})

describe('summaryLine', () => {
  test('names skipped tests only where there are any', () => {
    expect(summaryLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed')
    expect(summaryLine({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped')
  })
})
