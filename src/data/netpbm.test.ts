import { describe, expect, test } from 'vitest'
import { decodeNetpbm, isNetpbm } from './netpbm.ts'

const file = (text: string, bytes: readonly number[] = []) =>
  Buffer.concat([Buffer.from(text), Buffer.from(bytes)])

describe('decodeNetpbm', () => {
  test.each([
    ['P1, digits without spaces', file('P1\n# a comment\n3 1\n10 1\n'), 1, [0, 255, 0]],
    ['P2', file('P2 2 1 100\n50 100'), 1, [128, 255]],
    ['P3', file('P3\n1 1\n255\n1 2 3\n'), 3, [1, 2, 3]],
    [
      'P4, rows padded to bytes',
      file('P4\n3 2\n', [0b10100000, 0b01000000]),
      1,
      [0, 255, 0, 255, 0, 255],
    ],
    ['P5', file('P5\n2 1 # comment\n255\n', [7, 9]), 1, [7, 9]],
    ['P5 of 16 bits', file('P5\n2 1\n65535\n', [128, 128, 255, 255]), 1, [128, 255]],
    ['P6 whose pixels look like space', file('P6\n1 1\n255\n', [10, 32, 35]), 3, [10, 32, 35]],
  ])('reads %s', (_, bytes, channels, data) => {
    expect(isNetpbm(bytes)).toBe(true)
    const decoded = decodeNetpbm(bytes)
    expect(decoded.channels).toBe(channels)
    expect([...decoded.data]).toEqual(data)
  })

  test.each([
    ['cut pixels', file('P6\n2 2\n255\n', [1, 2, 3])],
    ['cut text', file('P2\n2 2\n255\n1 2 3')],
    ['a cut header', file('P5\n2')],
    ['no pixels', file('P5\n0 2\n255\n')],
    ['a maximum of zero', file('P5\n1 1\n0\n', [1])],
    ['dimensions beyond any memory', file('P5\n99999999 99999999\n255\n', [1])],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeNetpbm(bytes)).toThrow('cut short or damaged')
  })

  test('is not asked about other files', () => {
    expect(isNetpbm(file('PNG'))).toBe(false)
    expect(isNetpbm(file('P7\n'))).toBe(false)
    expect(isNetpbm(file(''))).toBe(false)
  })
})
