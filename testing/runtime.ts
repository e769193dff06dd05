import { inject } from 'vitest'
import { engineOn } from '../src/runtime/engine.ts'
import type { Runtime } from '../src/runtime/session.ts'

const runtimes = {
  node: async (): Promise<Runtime> => (await import('../src/runtime/node.ts')).nodeRuntime,
  'node on WebGPU': async (): Promise<Runtime> =>
    (await import('../src/runtime/node.ts')).nodeRuntimeOn('webgpu'),
  web: async (): Promise<Runtime> => (await import('../src/runtime/web.ts')).webRuntime,
  'web on WebGPU': async (): Promise<Runtime> =>
    (await import('../src/runtime/web-devices.ts')).webRuntimeOn('webgpu'),
}

declare module 'vitest' {
  interface ProvidedContext {
    /** The runtime that the tests of a project are run on. */
    readonly runtime: keyof typeof runtimes
    /** What the machine lacks for the tests of a project. */
    readonly absent: string
  }
}

/** The runtime under test. */
export const runtime: Runtime = await runtimes[inject('runtime')]()

/** The CPU on the same platform, to hold another device against. */
export const cpuRuntime = (): Promise<Runtime> =>
  runtimes[inject('runtime').startsWith('web') ? 'web' : 'node']()

export const { run, vjp } = engineOn(() => runtime)
