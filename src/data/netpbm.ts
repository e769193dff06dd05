import { damaged } from './decode-errors.ts'
import type { Pixels } from './pixels.ts'

/** Whether a file starts as a Netpbm image: P1 to P6 and a space or line end. */
export function isNetpbm(bytes: Uint8Array): boolean {
  const [p, digit = 0, space = 0] = bytes
  return p === 0x50 && digit >= 0x31 && digit <= 0x36 && isSpace(space)
}

/**
 * Decodes the first image of a PBM, PGM or PPM file, plain or raw (Netpbm manual, pbm(5), pgm(5), ppm(5)), to 8 bits.
 * sharp's own builds have no reader for them. Throws `bad-input` with the reason alone, for the caller to name the file.
 */
export function decodeNetpbm(bytes: Uint8Array): Pixels {
  const kind = (bytes[1] as number) - 0x30
  const isBitmap = kind === 1 || kind === 4
  const isRaw = kind > 3
  const channels = kind === 3 || kind === 6 ? 3 : 1
  let at = 2

  const skipSpace = () => {
    while (at < bytes.length && (isSpace(bytes[at] as number) || bytes[at] === 0x23)) {
      if (bytes[at] === 0x23) while (at < bytes.length && bytes[at] !== 0x0a) at++
      else at++
    }
  }
  const readNumber = (digits = Number.POSITIVE_INFINITY): number => {
    skipSpace()
    let value = Number.NaN
    for (let i = 0; i < digits && isDigit(bytes[at]); i++, at++) {
      value = (i === 0 ? 0 : value * 10) + (bytes[at] as number) - 0x30
    }
    if (Number.isNaN(value)) throw damaged()
    return value
  }

  const width = readNumber()
  const height = readNumber()
  const maximum = isBitmap ? 1 : readNumber()
  const count = width * height * channels
  if (count < 1 || maximum < 1 || maximum > 65535) throw damaged()
  // The smallest file has a bit a sample: refuse a header that promises more before memory is taken for it.
  if (count > 8 * bytes.length) throw damaged()

  const data = new Uint8Array(count)
  const put = (i: number, value: number) => {
    data[i] = isBitmap ? 255 * (1 - value) : Math.round((255 * Math.min(value, maximum)) / maximum)
  }
  if (!isRaw) {
    for (let i = 0; i < count; i++) put(i, readNumber(isBitmap ? 1 : undefined))
    return { width, height, channels, data }
  }

  at++ // one space after the header
  const sampleBytes = maximum > 255 ? 2 : 1
  const stride = isBitmap ? Math.ceil(width / 8) : width * channels * sampleBytes
  if (at + stride * height > bytes.length) throw damaged()
  for (let i = 0; i < count; i++) {
    if (isBitmap) {
      const column = i % width
      const byte = bytes[at + stride * Math.floor(i / width) + (column >> 3)] as number
      put(i, (byte >> (7 - (column & 7))) & 1)
    } else if (sampleBytes === 2) {
      put(i, (bytes[at + 2 * i] as number) * 256 + (bytes[at + 2 * i + 1] as number))
    } else {
      put(i, bytes[at + i] as number)
    }
  }
  return { width, height, channels, data }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}
