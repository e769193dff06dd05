import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type HalfType, narrow, widen } from './half-precision.ts'
import { float32 } from './tensor.ts'

const toNumber = (type: HalfType, bits: number) =>
  widen({ type, dims: [], data: Uint16Array.of(bits) }).data[0] as number
const toBits = (type: HalfType, value: number) => narrow(float32([], [value]), type).data[0]

/** What the bits of a half mean: sign, exponent and fraction as IEEE 754 defines them. */
function meaning(bits: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits & 0x7fff) >> fractionBits
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits
  const bias = 2 ** (exponentBits - 1) - 1
  if (exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign * Infinity
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias)
  return sign * (1 + fraction) * 2 ** (exponent - bias)
}

/** The number that a half stands for in place of another, in the arithmetic of float64, which is exact here. */
function nearest(value: number, exponentBits: number): number {
  const bias = 2 ** (exponentBits - 1) - 1
  const magnitude = Math.abs(value)
  let exponent = 1 - bias
  while (2 ** (exponent + 1) <= magnitude) exponent++
  const unit = 2 ** (exponent - (15 - exponentBits))
  const whole = Math.floor(magnitude / unit)
  const rest = magnitude / unit - whole
  const rounded = (whole + (rest > 0.5 || (rest === 0.5 && whole % 2 === 1) ? 1 : 0)) * unit
  return Math.sign(value) * (rounded >= 2 ** (bias + 1) ? Infinity : rounded)
}

const types = [
  ['float16', 5],
  ['bfloat16', 8],
] as const

describe.each(types)('%s', (type, exponentBits) => {
  const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits)

  test('each of its 65,536 values means what IEEE 754 says', () => {
    const wide = widen({ type, dims: [65536], data: all }).data
    const wrong = all.filter((bits) => !Object.is(wide[bits], meaning(bits, exponentBits)))
    expect([...wrong]).toEqual([])
  })

  test('each of them comes back from float32, NaN as some NaN', () => {
    const back = narrow(widen({ type, dims: [65536], data: all }), type).data
    const wrong = all.filter((bits) => {
      const value = meaning(bits, exponentBits)
      const returned = Number(back[bits])
      return Number.isNaN(value)
        ? !Number.isNaN(meaning(returned, exponentBits))
        : returned !== bits
    })
    expect([...wrong]).toEqual([])
  })

  test('any float32 goes to the nearest, of two equally near ones to the even', () => {
    // Half of the values lie where float16 has its numbers, some of them halfway between two.
    const within = fc
      .tuple(fc.nat(0xfffe), fc.constantFrom(0, 0.25, 0.5, 0.75))
      .map(([bits, part]) => {
        const [low, high] = [meaning(bits, exponentBits), meaning(bits + 1, exponentBits)]
        return Math.fround(low + part * (high - low))
      })
    const any = fc
      .integer({ min: 0, max: 0xffffffff })
      .map((bits) => new Float32Array(Uint32Array.of(bits).buffer)[0] as number)
    fc.assert(
      fc.property(fc.oneof(any, within), (value) => {
        fc.pre(Number.isFinite(value))
        const found = meaning(Number(toBits(type, value)), exponentBits)
        expect(found).toBe(nearest(value, exponentBits))
      }),
      { numRuns: 3000 },
    )
  })
})

test('values that numpy rounds, as numpy rounds them', () => {
  const rounded = [
    [1 / 3, 0x3555],
    [65519.996, 0x7bff],
    [65520, 0x7c00],
    [-0, 0x8000],
    [2 ** -25, 0],
    [2.9802326e-8, 1],
    [6.1e-5, 0x3ff],
    [1e-7, 2],
    [2049, 0x6800],
    [2051, 0x6802],
    [-Infinity, 0xfc00],
  ] as const
  expect(rounded.map(([value]) => toBits('float16', value))).toEqual(
    rounded.map(([, bits]) => bits),
  )
})

test('a view into a larger buffer is narrowed from where it begins', () => {
  const view = Float32Array.of(9, 1, 2).subarray(1)
  expect(narrow(float32([2], view), 'float16').data).toEqual(Uint16Array.of(0x3c00, 0x4000))
})

test('the smallest subnormal and the largest number', () => {
  expect(toNumber('float16', 1)).toBe(2 ** -24)
  expect(toNumber('float16', 0x7bff)).toBe(65504)
})
