import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBmp } from './bmp.ts'

/** Writes a bitmap from the values of its pixels, top row first. */
function bmpOf(
  width: number,
  values: readonly number[],
  bits: number,
  {
    topDown = false,
    palette = [] as number[][],
    masks = [] as number[],
    core = false,
    compression = 0,
  } = {},
): Buffer {
  const height = values.length / width
  const headerSize = core ? 12 : masks.length === 4 ? 56 : 40
  const masksAfter = masks.length === 3 ? 12 : 0
  const entry = core ? 3 : 4
  const start = 14 + headerSize + masksAfter + entry * palette.length
  const stride = Math.ceil((width * bits) / 32) * 4
  const file = Buffer.alloc(start + stride * height)
  file.write('BM')
  file.writeUInt32LE(file.length, 2)
  file.writeUInt32LE(start, 10)
  file.writeUInt32LE(headerSize, 14)
  if (core) {
    for (const [i, value] of [width, height, 1, bits].entries())
      file.writeUInt16LE(value, 18 + 2 * i)
  } else {
    file.writeInt32LE(width, 18)
    file.writeInt32LE(topDown ? -height : height, 22)
    file.writeUInt16LE(1, 26)
    file.writeUInt16LE(bits, 28)
    file.writeUInt32LE(compression || (masks.length > 0 ? 3 : 0), 30)
    for (const [i, mask] of masks.entries()) file.writeUInt32LE(mask, 54 + 4 * i)
  }
  for (const [i, [r = 0, g = 0, b = 0]] of palette.entries()) {
    file.set([b, g, r], start - entry * (palette.length - i))
  }
  for (const [i, value] of values.entries()) {
    const row = Math.floor(i / width)
    const line = start + stride * (topDown ? row : height - 1 - row)
    const bit = (i % width) * bits
    const at = line + (bit >> 3)
    if (bits < 8) file[at] = file.readUInt8(at) | (value << (8 - bits - (bit & 7)))
    else file.writeUIntLE(value, at, bits / 8)
  }
  return file
}

const colourOf = (index: number) => [index, 255 - index, (index * 37) % 256]

describe('decodeBmp', () => {
  test('reads indexed bitmaps of 1, 2, 4 and 8 bits of any width, either way up, with either header', () => {
    const images = fc.tuple(
      fc.constantFrom(1, 2, 4, 8),
      fc.integer({ min: 1, max: 11 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom({}, { topDown: true }, { core: true }),
      fc.infiniteStream(fc.nat(255)),
    )
    fc.assert(
      fc.property(images, ([bits, width, height, options, stream]) => {
        const values = [...stream.take(width * height)].map((value) => value % 2 ** bits)
        const palette = Array.from({ length: 2 ** bits }, (_, i) => colourOf(i))
        const decoded = decodeBmp(bmpOf(width, values, bits, { ...options, palette }))
        expect(decoded).toMatchObject({ width, height, channels: 3 })
        expect(Array.from(decoded.data)).toEqual(values.flatMap(colourOf))
      }),
    )
  })

  test('reads 24 and 32 bits as blue, green, red, and leaves out the unused byte', () => {
    expect([...decodeBmp(bmpOf(3, [0xff0102, 0x030405, 0x060708], 24)).data]).toEqual([
      255, 1, 2, 3, 4, 5, 6, 7, 8,
    ])
    const wide = decodeBmp(bmpOf(1, [0x80ff0102, 0x030405], 32, { topDown: true }))
    expect([...wide.data]).toEqual([255, 1, 2, 3, 4, 5])
  })

  test('reads 16 bits, by the usual masks or its own, scaled to 255', () => {
    expect([...decodeBmp(bmpOf(2, [0x7c00, 0x03ff], 16)).data]).toEqual([255, 0, 0, 0, 255, 255])
    const masks = [0xf800, 0x07e0, 0x001f]
    expect([...decodeBmp(bmpOf(2, [0xf800, 0x07e0], 16, { masks })).data]).toEqual([
      255, 0, 0, 0, 255, 0,
    ])
  })

  test('gives alpha where the file declares it, and an opaque image where it is zero throughout', () => {
    const masks = [0xff0000, 0xff00, 0xff, 0xff000000]
    const clear = decodeBmp(bmpOf(2, [0x80010203, 0xff040506], 32, { masks }))
    expect([...clear.data]).toEqual([1, 2, 3, 128, 4, 5, 6, 255])
    expect([...decodeBmp(bmpOf(1, [0x010203], 32, { masks })).data]).toEqual([1, 2, 3, 255])
  })

  test('refuses files cut short anywhere, indices outside the palette and compression', () => {
    const palette = [
      [1, 2, 3],
      [4, 5, 6],
    ]
    const whole = bmpOf(9, [1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1], 1, { palette })
    expect(decodeBmp(whole).height).toBe(2)
    // The last two bytes are the padding of the last row.
    for (let length = 0; length < whole.length - 2; length++) {
      expect(() => decodeBmp(whole.subarray(0, length))).toThrow('cut short or damaged')
    }
    expect(() => decodeBmp(bmpOf(1, [2], 8, { palette }))).toThrow('damaged')
    expect(() => decodeBmp(bmpOf(1, [0], 8, { palette, compression: 1 }))).toThrow('compressed BMP')
  })

  test('refuses dimensions that the file is too small for, before it takes memory', () => {
    const file = bmpOf(1, [0], 24)
    file.writeInt32LE(2 ** 30, 18)
    expect(() => decodeBmp(file)).toThrow('damaged')
  })
})
