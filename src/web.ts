import { engineOn } from './runtime/engine.ts'
import { webRuntime } from './runtime/web.ts'

export * from './portable.ts'
export { type WebDevice, webRuntimeOn } from './runtime/web-devices.ts'
export { webRuntime }

export const { run, vjp } = engineOn(() => webRuntime)
