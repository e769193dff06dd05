import { expect, test } from 'vitest'
import { bytesOf, float32, int64, numbersOf, sizeOf, zeros } from './tensor.ts'

test('a scalar has one element, an empty dimension none', () => {
  expect(sizeOf([])).toBe(1)
  expect(sizeOf([3, 0, 2])).toBe(0)
})

test('a tensor holds as many values as its dimensions say', () => {
  expect(() => float32([2, 3], [1, 2])).toThrow('a float32 tensor of [2, 3] holds 6 values, not 2')
})

test('values are given back as plain numbers, whatever their type', () => {
  expect(numbersOf(int64([2], [3, -4]))).toEqual([3, -4])
  expect(numbersOf(float32([1], [0.5]))).toEqual([0.5])
  expect(numbersOf(zeros('bool', [2]))).toEqual([0, 0])
})

test('the bytes of a view are those of the view, not of its whole buffer', () => {
  const whole = Float32Array.of(1, 2, 3)
  expect(bytesOf(float32([1], whole.subarray(2)))).toEqual(
    new Uint8Array(Float32Array.of(3).buffer),
  )
})
