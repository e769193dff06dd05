import { GraftError } from '../errors.ts'
import { autoencoder } from './autoencoder.ts'
import { contrastive } from './contrastive.ts'
import { gan } from './gan.ts'
import { jigsaw } from './jigsaw.ts'
import { labelled } from './labelled.ts'
import type { PretrainingMethod, PretrainingOptions } from './method.ts'
import { pairs } from './pairs.ts'
import { rotation } from './rotation.ts'
import { rules } from './rules.ts'

/** All methods of pretraining by name. */
export const methods: Readonly<Record<string, PretrainingMethod>> = Object.fromEntries(
  [autoencoder, gan, rotation, jigsaw, contrastive, pairs, labelled, rules].map((method) => [
    method.name,
    { ...method, pretrain: checked(method) },
  ]),
)

/** How a method is called, with its variant checked, and named where it was not. */
function checked(method: PretrainingMethod): PretrainingMethod['pretrain'] {
  return async function* (options) {
    const { variant = method.variants[0] } = options
    checkVariant(method, variant)
    return yield* method.pretrain({ ...options, variant })
  }
}

/**
 * A method by its name.
 *
 * @throws GraftError `bad-usage` for an unknown one
 */
export function methodNamed(name: string): PretrainingMethod {
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined
  if (!method) {
    throw new GraftError(
      'bad-usage',
      `there is no method "${name}": give one of ${Object.keys(methods).join(', ')}`,
    )
  }
  return method
}

/**
 * Checks the variant of a method.
 *
 * @throws GraftError `bad-usage` for an unknown one
 */
export function checkVariant({ name, variants }: PretrainingMethod, variant: string): void {
  if (!variants.includes(variant)) {
    throw new GraftError(
      'bad-usage',
      `${name} has no variant "${variant}": give one of ${variants.join(', ')}`,
    )
  }
}

/** What a variant of a method is called where methods are compared: by the method alone where it is the usual one. */
export function variantName({ name, variants }: PretrainingMethod, variant: string): string {
  return variant === variants[0] ? name : `${name}-${variant}`
}

/** How many of the images a method learns from. */
export async function countLearned(
  method: PretrainingMethod,
  given: Pick<PretrainingOptions, 'images' | 'labels' | 'rule'>,
): Promise<number> {
  return (await method.learnsFrom?.(given)) ?? given.images.count
}

/** Passes that a method is worth over the images that it learns from: more over few, since steps are what counts. */
export function usualEpochs({ epochs }: PretrainingMethod, images: number): number {
  return Math.min(Math.max(Math.round((epochs * 10_000) / images), 1), mostEpochs)
}

const mostEpochs = 100
