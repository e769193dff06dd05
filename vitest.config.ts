import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{src,test,testing}/**/*.test.ts'],
    globalSetup: 'testing/temporary-cache.ts',
    reporters: ['default', './testing/summary-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
