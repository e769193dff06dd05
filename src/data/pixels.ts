/** The pixels that a network takes: height and width in pixels; `channels` is 1 (grey) or 3 (RGB). */
export type Size = { readonly height: number; readonly width: number; readonly channels: number }

/** One image as uint8 rows, columns, channels, before resizing; a fourth channel is alpha. */
export type Pixels = Size & { readonly data: Uint8Array }

/** `count` images of one size as uint8 pixels, NHWC: images, rows, columns, channels. */
export type PixelBlock = Pixels & { readonly count: number }

/** Decoded images with the names of their sources. */
export type Images = PixelBlock & { readonly names: readonly string[] }

/** The number of bytes of one image. */
export function bytesPerImage({ height, width, channels }: Size): number {
  return height * width * channels
}

/** Copies the images at `indices` into one NHWC buffer: `out` where it is given (it may be longer), or a new one. */
export function gather(
  images: PixelBlock,
  indices: ArrayLike<number>,
  out = new Uint8Array(indices.length * bytesPerImage(images)),
): Uint8Array {
  const row = bytesPerImage(images)
  for (let i = 0; i < indices.length; i++) {
    const start = (indices[i] as number) * row
    out.set(images.data.subarray(start, start + row), i * row)
  }
  return out
}
