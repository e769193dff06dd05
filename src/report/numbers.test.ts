import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  count,
  counted,
  decimal,
  duration,
  percent,
  percentRange,
  percentTick,
  points,
  pValue,
  signedPoints,
} from './numbers.ts'

/** Spaces of all kinds as plain ones. */
const plain = (text: string) => text.replace(/\s/g, ' ')

it('writes numbers as people read them', () => {
  expect(plain(percent(0.9312))).toBe('93.1 %')
  expect(plain(percentRange(0.912, 0.94))).toBe('91.2 to 94.0 %')
  expect(points(-0.0512)).toBe('\u22125.1')
  expect(signedPoints(0.0512)).toBe('+5.1')
  expect(signedPoints(0.0001)).toBe('0.0')
  expect(points(-0.0001)).toBe('0.0') // no minus before a zero
  expect(decimal(0.21341)).toBe('0.213')
  expect(plain(count(1234567))).toBe('1 234 567')
  expect(plain(counted(1, 'file'))).toBe('1 file')
  expect(plain(counted(0, 'class', 'classes'))).toBe('0 classes')
  expect(plain(pValue(0.0312))).toBe('p = 0.031')
  expect(plain(pValue(4e-9))).toBe('p < 0.001')
})

it.each([
  [0, '0.0 s'],
  [9.94, '9.9 s'],
  [9.96, '10 s'],
  [59.6, '1 min 0 s'],
  [75, '1 min 15 s'],
  [3599.7, '1 h 0 min'],
  [7380, '2 h 3 min'],
])('%d seconds are %s', (seconds, expected) => expect(plain(duration(seconds))).toBe(expected))

it('axis labels of a short span tell its ticks apart', () => {
  const ticks = [0.985, 0.99, 0.995].map(percentTick([0.985, 0.995]))
  expect(new Set(ticks).size).toBe(3)
})

it('what is no number is a dash', () => {
  const missing = fc.constantFrom(Number.NaN, Infinity, -Infinity, null, undefined)
  const writers = [percent, points, signedPoints, decimal, count, duration] as const
  fc.assert(
    fc.property(missing, fc.constantFrom(...writers), (value, write) => {
      expect(write(value)).toBe('–')
    }),
  )
  expect(percentRange(Number.NaN, 1)).toBe('–')
  expect(pValue(Number.NaN)).not.toContain('NaN')
})
