import { autoencoder } from './autoencoder.ts'
import type { PretrainingMethod } from './method.ts'

/** All methods of pretraining by name. */
export const methods: Readonly<Record<string, PretrainingMethod>> = Object.fromEntries(
  [autoencoder].map((method) => [method.name, method]),
)
