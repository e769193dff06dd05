import { defineConfig } from 'tsdown'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    engine: 'src/engine.ts',
    web: 'src/web.ts',
    'cli/main': 'src/cli/main.ts',
  },
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  fixedExtension: false,
  dts: { entry: ['src/index.ts', 'src/engine.ts', 'src/web.ts'] },
  sourcemap: true,
  deps: { skipNodeModulesBundle: true },
  failOnWarn: true,
})
