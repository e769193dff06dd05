import type { Runtime } from './session.ts'

/** The runtime of this platform, loaded when first asked for: it is the heaviest thing that Graft imports. */
export async function defaultRuntime(): Promise<Runtime> {
  const { nodeRuntime } = await import('./node.ts')
  return nodeRuntime
}
