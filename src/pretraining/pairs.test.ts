import { expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { drawPartners } from './pairs.ts'

test('partners are others, and about half of them of the same class', () => {
  const labels = Array.from({ length: 400 }, (_, i) => i % 4)
  const partners = drawPartners(labels, createRandom(1))
  partners.forEach((other, i) => {
    expect(other).not.toBe(i)
  })
  const same = partners.filter((other, i) => labels[other] === labels[i]).length
  expect(same).toBeGreaterThan(160)
  expect(same).toBeLessThan(240)
})

test('where there is no image of the wanted kind, any other will do', () => {
  expect(drawPartners([0, 0, 0], createRandom(1)).every((other, i) => other !== i)).toBe(true)
  const partners = drawPartners([0, 1], createRandom(1))
  expect(partners).toEqual([1, 0])
})
