import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { folderOf, imageOf, noisyImage } from '../../testing/test-folder.ts'
import { decodeBytes, decodeFile, probeFile, resizePixels } from './decode-file.ts'

const size = { height: 4, width: 6, channels: 3 }

async function pixelsOf(bytes: Uint8Array, target = size): Promise<number[]> {
  const decoded = await decodeBytes(bytes, target)
  return decoded.ok ? [...decoded.pixels] : []
}

const raw = (data: Uint8Array | Uint16Array, channels: 1 | 2 | 3 | 4, width = 4, height = 4) =>
  sharp(data, { raw: { width, height, channels } })

describe('formats', () => {
  test.each(['png', 'jpeg', 'webp', 'gif', 'tiff'] as const)(
    '%s is read by content',
    async (format) => {
      const pixels = await pixelsOf(await imageOf([200, 100, 50], format))
      expect(pixels).toHaveLength(4 * 6 * 3)
      for (const [i, value] of pixels.entries()) {
        expect(Math.abs(value - ([200, 100, 50][i % 3] as number))).toBeLessThanOrEqual(4)
      }
    },
  )

  test('PPM and BMP are read', async () => {
    const ppm = Buffer.from('P3\n1 1\n255\n9 8 7\n')
    expect((await pixelsOf(ppm)).slice(0, 3)).toEqual([9, 8, 7])
    const bmp = Buffer.alloc(58)
    bmp.write('BM')
    for (const [at, value] of [
      [10, 54],
      [14, 40],
      [18, 1],
      [22, 1],
      [28, 24],
    ] as const) {
      bmp.writeUInt32LE(value, at)
    }
    bmp.set([7, 8, 9], 54)
    expect((await pixelsOf(bmp)).slice(0, 3)).toEqual([9, 8, 7])
  })

  test('only the first frame of a GIF counts', async () => {
    const frames = Buffer.concat([Buffer.alloc(48, 10), Buffer.alloc(48, 200)])
    const gif = await sharp(frames, { raw: { width: 4, height: 8, channels: 3, pageHeight: 4 } })
      .gif()
      .toBuffer()
    expect((await sharp(gif).metadata()).pages).toBe(2)
    expect(new Set(await pixelsOf(gif))).toEqual(new Set([10]))
  })
})

describe('pixels', () => {
  test('are turned as EXIF says', async () => {
    const twoPixels = raw(Uint8Array.of(255, 0, 0, 0, 0, 255), 3, 2, 1)
    const turned = await twoPixels.png().withMetadata({ orientation: 6 }).toBuffer()
    expect(await pixelsOf(turned, { height: 2, width: 1, channels: 3 })).toEqual([
      255, 0, 0, 0, 0, 255,
    ])
  })

  test('that are transparent become white', async () => {
    const clear = await raw(
      Uint8Array.from({ length: 64 }, (_, i) => (i % 4 === 3 ? 128 : 0)),
      4,
    )
      .png()
      .toBuffer()
    expect(new Set(await pixelsOf(clear))).toEqual(new Set([127]))
  })

  test('of 16 bits become 8, with and without colour and alpha', async () => {
    const grey = await raw(new Uint16Array(16).fill(0x8080), 1)
      .toColourspace('grey16')
      .png()
      .toBuffer()
    const rgb = await raw(new Uint16Array(48).fill(0x8080), 3)
      .toColourspace('rgb16')
      .png()
      .toBuffer()
    for (const png of [grey, rgb]) {
      expect((await sharp(png).metadata()).depth).toBe('ushort')
      expect(new Set(await pixelsOf(png))).toEqual(new Set([128]))
    }
  })

  test('of CMYK become RGB, and grey ones have equal channels', async () => {
    const cmyk = await sharp(await imageOf([255, 0, 0]))
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer()
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk')
    const [red = 0, green = 255, blue = 255] = await pixelsOf(cmyk)
    expect(red).toBeGreaterThan(200)
    expect(Math.max(green, blue)).toBeLessThan(40)
    const grey = await raw(new Uint8Array(16).fill(77), 1).toColourspace('b-w').png().toBuffer()
    expect(new Set(await pixelsOf(grey))).toEqual(new Set([77]))
  })

  test('become grey where one channel is asked for', async () => {
    const pixels = await pixelsOf(await imageOf([0, 255, 0]), { height: 2, width: 2, channels: 1 })
    expect(pixels).toHaveLength(4)
    expect(pixels[0]).toBeGreaterThan(100)
    expect(pixels[0]).toBeLessThan(240)
  })

  test('are stretched to the size, as a whole and by averages', async () => {
    const halves = await raw(
      Uint8Array.from({ length: 16 }, (_, i) => (i % 4 < 2 ? 0 : 200)),
      1,
    )
      .png()
      .toBuffer()
    const pixels = await pixelsOf(halves, { height: 1, width: 2, channels: 1 })
    expect(pixels[0]).toBeLessThan(60)
    expect(pixels[1]).toBeGreaterThan(140)
    expect((pixels[0] as number) + (pixels[1] as number)).toBe(200)
  })

  test('that lie in memory are resized in the same way as those of a file', async () => {
    const data = Uint8Array.from({ length: 48 }, (_, i) => i * 5)
    const png = await raw(data, 3).png().toBuffer()
    const pixels = { height: 4, width: 4, channels: 3, data }
    expect([...(await resizePixels(pixels, size))]).toEqual(await pixelsOf(png))
    expect(await resizePixels(pixels, pixels)).toBe(data)
  })

  test('have one or three channels', async () => {
    const bytes = await imageOf([1, 2, 3])
    await expect(decodeBytes(bytes, { ...size, channels: 4 })).rejects.toThrow(
      '1 or 3 channels, not 4',
    )
  })
})

describe('a file that is no whole image has a short reason', () => {
  test.each(['png', 'jpeg', 'webp', 'gif', 'tiff'] as const)(
    '%s cut short anywhere',
    async (format) => {
      const whole = await noisyImage(format)
      expect((await decodeBytes(whole, size)).ok).toBe(true)
      for (const part of [0.97, 0.6, 0.3, 0.02]) {
        const decoded = await decodeBytes(whole.subarray(0, Math.floor(whole.length * part)), size)
        expect(decoded.ok ? part : decoded.reason).toMatch(
          /^(the image is cut short or damaged|not an image that)/,
        )
      }
    },
  )

  test('text, nothing, a folder and a missing file', async () => {
    const folder = await folderOf({ 'text.jpg': 'hello world, this is text', 'empty.png': '' })
    await mkdir(join(folder, 'x.png'))
    const reasons = ['text.jpg', 'empty.png', 'x.png', 'gone.png'].map(async (name) => {
      const decoded = await decodeFile(join(folder, name), size)
      return decoded.ok ? null : decoded.reason
    })
    expect(await Promise.all(reasons)).toEqual([
      'not an image that can be read; save it as JPEG or PNG',
      'the file is empty',
      'a folder, not an image',
      'no such file',
    ])
  })
})

test('probeFile gives the turned size and whether the file is grey, and null for no image', async () => {
  const colour = sharp(await imageOf([1, 2, 3], 'png', 5, 7))
  const folder = await folderOf({
    'grey.png': await raw(new Uint8Array(8), 1, 4, 2).toColourspace('b-w').png().toBuffer(),
    'turned.jpg': await colour.withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    'grey.pgm': 'P2 3 1 255 1 2 3',
    'text.png': 'text',
  })
  expect(await probeFile(join(folder, 'grey.png'))).toEqual({ height: 2, width: 4, channels: 1 })
  expect(await probeFile(join(folder, 'turned.jpg'))).toEqual({ height: 5, width: 7, channels: 3 })
  expect(await probeFile(join(folder, 'grey.pgm'))).toEqual({ height: 1, width: 3, channels: 1 })
  expect(await probeFile(join(folder, 'text.png'))).toBeNull()
})
