import { describe, expect, test } from 'vitest'
import { checkMethod } from '../../testing/check-method.ts'
import type { PretrainingOptions } from './method.ts'
import { checkVariant, methodNamed, methods, usualEpochs } from './methods.ts'

const all = Object.values(methods)

describe('every method of pretraining', () => {
  test.each(
    all.flatMap((method) => method.variants.map((variant) => [method.name, variant] as const)),
  )('%s, %s', (name, variant) => checkMethod(methodNamed(name), variant))
})

test('what there is not is named, with what there is', () => {
  expect(() => methodNamed('toString')).toThrow(
    'there is no method "toString": give one of autoencoder, gan, rotation',
  )
  expect(() => checkVariant(methodNamed('gan'), 'wild')).toThrow(
    'gan has no variant "wild": give one of nonsaturating, matching',
  )
})

test('a method says itself that it has no such variant', async () => {
  const events = methodNamed('rotation').pretrain({ variant: 'wild' } as PretrainingOptions)
  await expect(events.next()).rejects.toMatchObject({
    code: 'bad-usage',
    message: 'rotation has no variant "wild": give one of turns',
  })
})

test('fewer images are looked at more often, within reason', () => {
  const method = methodNamed('contrastive')
  expect(usualEpochs(method, 10_000)).toBe(20)
  expect(usualEpochs(method, 20_000)).toBe(10)
  expect(usualEpochs(method, 50)).toBe(100)
  expect(usualEpochs(method, 1e7)).toBe(1)
})
