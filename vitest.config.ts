import { playwright } from '@vitest/browser-playwright'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import type { BrowserConfigOptions } from 'vitest/node'
import { chromium } from './testing/chromium.ts'
import { swiftShader, swiftShaderEnvironment } from './testing/swiftshader.ts'

/** The tests of the engine: they pass on every runtime, or `testing/unable.ts` says why not. */
const engineTests = [
  'src/{autodiff,nn}/**/*.test.ts',
  'src/runtime/{session,types,vjp}.test.ts',
  'src/training/{averaging,dropout,kernel-order,loop,lowering,normalization,normalization-layers}.test.ts',
  'src/training/{predict,rate-range-test,reestimate-statistics,several-steps,step,update}.test.ts',
  'test/golden/gradients.test.ts',
]
/** Too slow in a software renderer for more than what training is made of. */
const webGpuTests = [
  'src/runtime/session.test.ts',
  'src/training/update.test.ts',
  'test/webgpu/*.test.ts',
]

const absent = (reason: string): TestProjectInlineConfiguration['test'] => ({
  include: ['testing/absent.ts'],
  provide: { runtime: 'node', absent: reason },
})

const headless = (executablePath: string, args: string[] = []) =>
  ({
    enabled: true,
    headless: true,
    screenshotFailures: false,
    provider: playwright({ launchOptions: { executablePath, args } }),
    instances: [{ browser: 'chromium' }],
  }) satisfies BrowserConfigOptions

// The loader of a forked process reads this when it starts.
if (swiftShader) Object.assign(process.env, swiftShaderEnvironment(swiftShader))

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
          exclude: ['test/webgpu/**'],
          provide: { runtime: 'node' },
        },
      },
      {
        extends: true,
        // Not isolated: the WebAssembly build takes a second to start.
        test: { name: 'wasm', include: engineTests, provide: { runtime: 'web' }, isolate: false },
      },
      {
        extends: true,
        test: {
          name: 'webgpu',
          ...(swiftShader
            ? { include: webGpuTests, provide: { runtime: 'node on WebGPU' }, testTimeout: 120_000 }
            : absent('training on WebGPU: this machine has no software renderer of Chromium')),
        },
      },
      {
        extends: true,
        optimizeDeps: { exclude: ['onnxruntime-web'] },
        test: {
          name: 'chromium',
          ...(chromium
            ? {
                include: [...engineTests, 'examples/browser/*.test.ts'],
                provide: { runtime: 'web' },
                isolate: false,
                browser: headless(chromium),
              }
            : absent('the engine in a browser: this machine has no Chromium that CHROMIUM names')),
        },
      },
      {
        extends: true,
        optimizeDeps: { exclude: ['onnxruntime-web'] },
        test: {
          name: 'chromium-webgpu',
          ...(chromium && swiftShader
            ? {
                include: webGpuTests,
                provide: { runtime: 'web on WebGPU' },
                testTimeout: 120_000,
                isolate: false,
                // One page: what it has compiled serves all files.
                fileParallelism: false,
                // Projects of other numbers of workers may not run beside each other.
                sequence: { groupOrder: 1 },
                browser: headless(chromium, ['--enable-unsafe-webgpu']),
              }
            : absent('WebGPU in a browser: this machine has no Chromium with a software renderer')),
        },
      },
    ],
  },
})
