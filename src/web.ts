import { engineOn } from './runtime/engine.ts'
import { webRuntime } from './runtime/web.ts'

export * from './portable.ts'
export { webRuntime }

export const { run, vjp } = engineOn(() => webRuntime)
