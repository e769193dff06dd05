import { expect, test } from 'vitest'
import { fromJson, toJson } from './json-numbers.ts'

test('numbers that are not finite survive, at any depth, and nothing else changes', () => {
  const { NaN: none, POSITIVE_INFINITY: high, NEGATIVE_INFINITY: low } = Number
  const value = { losses: [[0.5, none], [high]], least: low, missing: null, text: 'NaN', zero: 0 }
  expect(fromJson(toJson(value))).toEqual(value)
})
