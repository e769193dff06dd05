import { GraftError } from '../errors.ts'
import { damaged } from './decode-errors.ts'
import type { Pixels } from './pixels.ts'

/** Whether a file starts as a Windows bitmap. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d
}

/**
 * Decodes an uncompressed Windows or OS/2 bitmap of 1, 2, 4, 8, 16, 24 or 32 bits (Microsoft, "Bitmap header types":
 * BITMAPCOREHEADER to BITMAPV5HEADER), bottom-up or top-down, to RGB, or to RGBA where the file declares its alpha.
 * Throws `bad-input` with the reason alone, for the caller to name the file.
 */
export function decodeBmp(bytes: Uint8Array): Pixels {
  const header = readHeader(bytes)
  const { width, height } = header
  const colours = header.bits <= 8 ? paletteColours(bytes, header) : maskedColours(bytes, header)
  const { channels, putPixel } = colours
  const data = new Uint8Array(width * height * channels)
  for (let row = 0; row < height; row++) {
    const line = header.start + header.stride * (header.topDown ? row : height - 1 - row)
    for (let column = 0; column < width; column++) {
      putPixel(line, column, data, (row * width + column) * channels)
    }
  }
  if (channels === 4) forgetEmptyAlpha(data)
  return { width, height, channels, data }
}

type Header = {
  readonly size: number
  readonly width: number
  readonly height: number
  readonly topDown: boolean
  readonly bits: number
  /** The masks lie in the file, and alpha's among them. */
  readonly masks: 'none' | 'rgb' | 'rgba'
  /** Where the pixels start, and the bytes from one row to the next. */
  readonly start: number
  readonly stride: number
}

type Colours = {
  readonly channels: 3 | 4
  readonly putPixel: (line: number, column: number, data: Uint8Array, target: number) => void
}

const compressions = { none: 0, bitFields: 3, alphaBitFields: 6 } as const

function readHeader(bytes: Uint8Array): Header {
  const view = viewOf(bytes)
  if (bytes.length < 26) throw damaged()
  const size = view.getUint32(14, true)
  const isCore = size === 12
  if (bytes.length < 14 + size || !(isCore || (size >= 40 && size <= 124))) throw damaged()

  const width = isCore ? view.getUint16(18, true) : view.getInt32(18, true)
  const signedHeight = isCore ? view.getUint16(20, true) : view.getInt32(22, true)
  const height = Math.abs(signedHeight)
  const bits = view.getUint16(isCore ? 24 : 28, true)
  const compression = isCore ? compressions.none : view.getUint32(30, true)
  const hasMasks =
    (bits === 16 || bits === 32) &&
    (compression === compressions.bitFields || compression === compressions.alphaBitFields)
  if (compression !== compressions.none && !hasMasks) {
    throw new GraftError('bad-input', 'a compressed BMP, which is not supported; save it as PNG')
  }
  const hasAlpha = size >= 56 || compression === compressions.alphaBitFields

  const start = view.getUint32(10, true)
  const stride = Math.ceil((width * bits) / 32) * 4
  if (![1, 2, 4, 8, 16, 24, 32].includes(bits) || width < 1 || height < 1) throw damaged()
  // Some writers leave out the padding of the last row.
  if (start + stride * (height - 1) + Math.ceil((width * bits) / 8) > bytes.length) throw damaged()
  const masks = hasMasks ? (hasAlpha ? 'rgba' : 'rgb') : 'none'
  return { size, width, height, topDown: signedHeight < 0, bits, masks, start, stride }
}

/** Pixels of up to 8 bits index the colours that lie between the header and the pixels. */
function paletteColours(bytes: Uint8Array, { bits, size, start }: Header): Colours {
  const entry = size === 12 ? 3 : 4
  const palette = 14 + size
  return {
    channels: 3,
    putPixel(line, column, data, target) {
      const bit = column * bits
      const byte = bytes[line + (bit >> 3)] as number
      const index = (byte >> (8 - bits - (bit & 7))) & ((1 << bits) - 1)
      const colour = palette + entry * index
      if (colour + 3 > start) throw damaged()
      for (let c = 0; c < 3; c++) data[target + c] = bytes[colour + 2 - c] as number
    },
  }
}

const usualMasks: Readonly<Record<number, readonly number[]>> = {
  16: [0x7c00, 0x03e0, 0x001f],
  24: [0xff0000, 0x00ff00, 0x0000ff],
  32: [0xff0000, 0x00ff00, 0x0000ff],
}

/** Wider pixels are little-endian integers, from which a mask takes each channel. */
function maskedColours(bytes: Uint8Array, { bits, masks }: Header): Colours {
  const view = viewOf(bytes)
  const given = [54, 58, 62, 66].slice(0, masks === 'rgba' ? 4 : 3)
  const values =
    masks === 'none'
      ? (usualMasks[bits] as readonly number[])
      : given.map((at) => view.getUint32(at, true)).filter((mask, c) => c < 3 || mask !== 0)
  const fields = values.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask)
    return { mask, shift, scale: mask === 0 ? 0 : 255 / (mask >>> shift) }
  })
  const step = bits / 8
  return {
    channels: fields.length === 4 ? 4 : 3,
    putPixel(line, column, data, target) {
      let value = 0
      for (let b = step - 1; b >= 0; b--) {
        value = (value << 8) | (bytes[line + column * step + b] as number)
      }
      for (const [c, { mask, shift, scale }] of fields.entries()) {
        data[target + c] = Math.round(((value & mask) >>> shift) * scale)
      }
    },
  }
}

/** Many writers declare an alpha and leave it zero everywhere; they mean an opaque image. */
function forgetEmptyAlpha(rgba: Uint8Array): void {
  for (let i = 3; i < rgba.length; i += 4) if (rgba[i] !== 0) return
  for (let i = 3; i < rgba.length; i += 4) rgba[i] = 255
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
