import { playwright } from '@vitest/browser-playwright'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { chromium } from './testing/chromium.ts'

/** The tests of the engine: they pass on every runtime, or `testing/unable.ts` says why not. */
const engineTests = [
  'src/{autodiff,nn,runtime}/**/*.test.ts',
  'src/training/{dropout,kernel-order,loop,lowering,normalization,predict,several-steps,step,update}.test.ts',
  'test/golden/gradients.test.ts',
]

function inChromium(
  name: string,
  { args = [], ...test }: { args?: string[] } & TestProjectInlineConfiguration['test'],
): TestProjectInlineConfiguration {
  if (!chromium) return { extends: true, test: { name, include: ['testing/no-chromium.ts'] } }
  return {
    extends: true,
    optimizeDeps: { exclude: ['onnxruntime-web'] },
    test: {
      name,
      isolate: false,
      ...test,
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({ launchOptions: { executablePath: chromium, args } }),
        instances: [{ browser: 'chromium' }],
      },
    },
  }
}

export default defineConfig({
  test: {
    globalSetup: 'testing/temporary-cache.ts',
    setupFiles: 'testing/unable.ts',
    reporters: ['default', './testing/summary-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: ['{src,test,testing}/**/*.test.ts'],
          provide: { runtime: 'node' },
        },
      },
      {
        extends: true,
        // Not isolated: the WebAssembly build takes a second to start.
        test: { name: 'wasm', include: engineTests, provide: { runtime: 'web' }, isolate: false },
      },
      inChromium('chromium', {
        include: [...engineTests, 'examples/browser/*.test.ts'],
        provide: { runtime: 'web' },
      }),
    ],
  },
})
