import { sizeOf, type Tensor } from './tensor.ts'

/** Floating-point types of 16 bits: IEEE 754 binary16, and the upper half of a float32. */
export type HalfType = 'float16' | 'bfloat16'

type Format = {
  /** The bits of the float32 that is this half. */
  widen(half: number): number
  /** The bits of the nearest half, of two equally near ones the even; beyond the largest finite number it is infinite. */
  narrow(single: number): number
}

const formats: Readonly<Record<HalfType, Format>> = {
  float16: { widen: widenFloat16, narrow: narrowFloat16 },
  bfloat16: {
    widen: (half) => half << 16,
    narrow(single) {
      const magnitude = single & 0x7fffffff
      if (magnitude > 0x7f800000) return (single >>> 16) | 0x40
      return (single + 0x7fff + ((single >>> 16) & 1)) >>> 16
    },
  },
}

function widenFloat16(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13)
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13)
  if (fraction === 0) return sign
  // A subnormal half is a normal float32: its first bit becomes the hidden one.
  const shift = Math.clz32(fraction) - 21
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)
}

function narrowFloat16(single: number): number {
  const sign = (single >>> 16) & 0x8000
  const magnitude = single & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff)
  if (magnitude >= 0x47800000) return sign | 0x7c00
  if (magnitude >= 0x38800000) {
    // Rounding up may carry into the exponent, and from the largest exponent to infinity, as it should.
    const rebased = magnitude - (112 << 23)
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13)
  }
  const shift = 126 - (magnitude >>> 23)
  if (shift > 24) return sign
  const fraction = (magnitude & 0x7fffff) | 0x800000
  const rest = fraction & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  const kept = fraction >>> shift
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0))
}

export function isHalf(type: string | undefined): type is HalfType {
  return type === 'float16' || type === 'bfloat16'
}

/** A tensor of halves as float32, exactly. */
export function widen(tensor: Tensor & { readonly type: HalfType }): Tensor {
  const { widen: convert } = formats[tensor.type]
  const data = new Float32Array(sizeOf(tensor.dims))
  const bits = new Uint32Array(data.buffer)
  const halves = tensor.data as Uint16Array
  for (let i = 0; i < bits.length; i++) bits[i] = convert(halves[i] as number)
  return { type: 'float32', dims: tensor.dims, data }
}

/** A float32 tensor in 16 bits, rounded to nearest, ties to even. */
export function narrow(tensor: Tensor, type: HalfType): Tensor {
  const { narrow: convert } = formats[type]
  const { buffer, byteOffset, length } = tensor.data as Float32Array
  const bits = new Uint32Array(buffer, byteOffset, length)
  const data = new Uint16Array(length)
  for (let i = 0; i < length; i++) data[i] = convert(bits[i] as number)
  return { type, dims: tensor.dims, data }
}
