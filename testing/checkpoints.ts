import { fromJson, toJson } from '../src/json-numbers.ts'
import type { Checkpoints } from '../src/training/task.ts'

/** Checkpoints in memory, as JSON would keep them, and what was saved. */
export function rememberedCheckpoints(): Checkpoints & { readonly saved: Map<string, unknown> } {
  const saved = new Map<string, unknown>()
  const copy = (value: unknown) => fromJson(toJson(value))
  return {
    saved,
    load: async (key) => (saved.has(key) ? copy(saved.get(key)) : undefined),
    save: async (key, value) => void saved.set(key, copy(value)),
  }
}
