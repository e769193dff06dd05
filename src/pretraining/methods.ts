import { autoencoder } from './autoencoder.ts'
import { contrastive } from './contrastive.ts'
import { gan } from './gan.ts'
import { jigsaw } from './jigsaw.ts'
import { labelled } from './labelled.ts'
import type { PretrainingMethod } from './method.ts'
import { pairs } from './pairs.ts'
import { rotation } from './rotation.ts'
import { rules } from './rules.ts'

/** All methods of pretraining by name. */
export const methods: Readonly<Record<string, PretrainingMethod>> = Object.fromEntries(
  [autoencoder, gan, rotation, jigsaw, contrastive, pairs, labelled, rules].map((method) => [
    method.name,
    method,
  ]),
)
