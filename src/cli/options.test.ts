import { InvalidArgumentError } from 'commander'
import { expect, test } from 'vitest'
import { count, duration, positiveInteger } from './options.ts'

test('durations are in seconds, with or without a unit', () => {
  expect(['45', '90s', '10m', '1.5h'].map(duration)).toEqual([45, 90, 600, 5400])
})

test('whole numbers are read exactly', () => {
  expect(positiveInteger('7')).toBe(7)
  expect(count('0')).toBe(0)
  expect(count('9007199254740991')).toBe(2 ** 53 - 1)
})

test.each([
  [duration, ['', '0', '0m', '-1m', '10 m', '10min', '1h30m', 'soon', '1e3', '9'.repeat(400)]],
  [positiveInteger, ['', ' ', '0', '-1', '1.5', '1e3', 'many', '9007199254740993']],
  [count, ['', '-1', '0.5', '0x10', 'x', '9007199254740993']],
])('%o refuses what is not meant so', (parse, texts) => {
  for (const text of texts) expect(() => parse(text), text).toThrow(InvalidArgumentError)
})
