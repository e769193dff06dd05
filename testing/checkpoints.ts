import type { Checkpoints } from '../src/training/task.ts'

/** Checkpoints in memory, and what was saved. */
export function rememberedCheckpoints(): Checkpoints & { readonly saved: Map<string, unknown> } {
  const saved = new Map<string, unknown>()
  return {
    saved,
    load: async (key) => structuredClone(saved.get(key)),
    save: async (key, value) => void saved.set(key, structuredClone(value)),
  }
}
