import { describe, expect, test } from 'vitest'
import { checkMethod } from '../../testing/check-method.ts'
import { drawnImages } from '../../testing/drawn-images.ts'
import { streamOf } from '../data/image-stream.ts'
import type { PretrainingMethod, PretrainingOptions, Rule } from './method.ts'
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

test('a method that needs answers counts the images that have one', async () => {
  const images = streamOf(drawnImages({ count: 9, height: 8, width: 8, channels: 1 }))
  const labels = { classes: ['a', 'b'], labels: Int32Array.of(0, -1, 1, -1, -1, 1, 0, -1, -1) }
  const rule: Rule = ({ data }) => (data.length === 64 ? 'square' : null)
  const isFirst: Rule = ({ name }) => (name === images.names[0] ? 'first' : null)
  const count = (
    name: string,
    options: Parameters<NonNullable<PretrainingMethod['learnsFrom']>>[0],
  ) => methodNamed(name).learnsFrom?.(options)
  expect(await count('labelled', { images, labels })).toBe(4)
  expect(await count('pairs', { images, labels })).toBe(4)
  expect(await count('rules', { images, rule })).toBe(9)
  expect(await count('rules', { images, rule: isFirst })).toBe(1)
  expect(await count('rotation', { images })).toBeUndefined()
})

test('fewer images are looked at more often, within reason', () => {
  const method = methodNamed('contrastive')
  expect(usualEpochs(method, 10_000)).toBe(20)
  expect(usualEpochs(method, 20_000)).toBe(10)
  expect(usualEpochs(method, 50)).toBe(100)
  expect(usualEpochs(method, 1e7)).toBe(1)
})
