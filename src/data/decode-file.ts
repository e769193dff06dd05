import { readFile } from 'node:fs/promises'
import sharp, { type Sharp } from 'sharp'
import { GraftError } from '../errors.ts'
import { decodeBmp, isBmp } from './bmp.ts'
import { reasonOf } from './decode-errors.ts'
import { decodeNetpbm, isNetpbm } from './netpbm.ts'
import { bytesPerImage, type Pixels, type Size } from './pixels.ts'

/** The pixels of one image (rows, columns, channels), or why there are none. */
export type Decoded =
  | { readonly ok: true; readonly pixels: Uint8Array }
  | {
      readonly ok: false
      readonly reason: string
      /** Whether the file system refused it, which may be otherwise the next time. */
      readonly mayPass?: true
    }

/** Formats that sharp's builds cannot read. */
const ownReaders = [
  { recognizes: isBmp, decode: decodeBmp },
  { recognizes: isNetpbm, decode: decodeNetpbm },
] as const

/**
 * Decodes an image file to `size`: the one way from a file to pixels, for training and prediction alike. JPEG, PNG, WebP,
 * GIF (its first frame), TIFF, AVIF, BMP and Netpbm, told by content and not by extension. The image is turned as EXIF
 * says, transparency becomes white, 16 bits become 8, CMYK and grey become sRGB (or all become grey), and the whole
 * image is stretched to the size, by linear interpolation that averages where it shrinks. Truncated and damaged files
 * are not decoded. Throws only for a size with other than 1 or 3 channels (`unsupported`).
 */
export async function decodeFile(path: string, size: Size): Promise<Decoded> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    return { ok: false, reason: reasonOf(error), mayPass: true }
  }
  return decodeBytes(bytes, size)
}

/** Decodes the bytes of an image file; see `decodeFile`. */
export async function decodeBytes(bytes: Uint8Array, size: Size): Promise<Decoded> {
  checkSize(size)
  try {
    return { ok: true, pixels: await resize(open(bytes), size) }
  } catch (error) {
    return { ok: false, reason: reasonOf(error) }
  }
}

/** Resizes pixels that need no decoding, in the same way; where nothing is to be done the result shares their memory. */
export async function resizePixels(pixels: Pixels, size: Size): Promise<Uint8Array> {
  checkSize(size)
  const { height, width, channels } = pixels
  const same = height === size.height && width === size.width && channels === size.channels
  return same ? pixels.data : resize(openPixels(pixels), size)
}

/** The size of an image file before resizing, turned as EXIF says, and whether it is stored as grey; null if unreadable. */
export async function probeFile(path: string): Promise<Size | null> {
  try {
    const { autoOrient, space } = await open(await readFile(path)).metadata()
    const isGrey = space === 'b-w' || space === 'grey16'
    return { height: autoOrient.height, width: autoOrient.width, channels: isGrey ? 1 : 3 }
  } catch {
    return null
  }
}

function open(bytes: Uint8Array): Sharp {
  const reader = ownReaders.find(({ recognizes }) => recognizes(bytes))
  // 'error' catches truncated TIFFs too, and still reads JPEGs with harmless stray bytes.
  return reader
    ? openPixels(reader.decode(bytes))
    : sharp(bytes, { failOn: 'error', autoOrient: true })
}

function openPixels({ height, width, channels, data }: Pixels): Sharp {
  return sharp(data, { raw: { height, width, channels: channels as 1 | 3 | 4 } })
}

async function resize(image: Sharp, size: Size): Promise<Uint8Array> {
  const { height, width, channels } = size
  const pixels = await image
    .flatten({ background: '#ffffff' })
    .resize({ height, width, fit: 'fill', kernel: 'linear' })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer()
  if (pixels.length !== bytesPerImage(size)) {
    throw new GraftError(
      'internal',
      `decoded ${pixels.length} bytes for ${height}x${width}x${channels}`,
    )
  }
  return pixels
}

function checkSize({ channels }: Size): void {
  if (channels !== 1 && channels !== 3) {
    throw new GraftError('unsupported', `images have 1 or 3 channels, not ${channels}`)
  }
}
