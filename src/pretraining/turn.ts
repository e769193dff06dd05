import type { Size } from '../data/pixels.ts'

/** Turns one image by quarters, clockwise; by an odd number of them it has to be square. */
export function turn(
  from: Uint8Array,
  to: Uint8Array,
  { height, width, channels }: Size,
  quarters: number,
): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [row, column] = sources[quarters]?.(y, x, height - 1, width - 1) ?? [y, x]
      const [source, target] = [(row * width + column) * channels, (y * width + x) * channels]
      for (let c = 0; c < channels; c++) to[target + c] = from[source + c] as number
    }
  }
}

/** Where the pixel of a turned image comes from. */
const sources: Readonly<
  Record<number, (y: number, x: number, bottom: number, right: number) => readonly [number, number]>
> = {
  1: (y, x, bottom) => [bottom - x, y],
  2: (y, x, bottom, right) => [bottom - y, right - x],
  3: (y, x, _, right) => [x, right - y],
}
