import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { createRandom, type Random } from '../../src/random.ts'

/** The side of every image, in pixels. */
export const side = 8

/** What the classes look like: whether a pixel, relative to the middle and the radius, is inside, and the colour. */
const shapes: Readonly<Record<string, readonly [(x: number, y: number) => boolean, string]>> = {
  circle: [(x, y) => x * x + y * y <= 1, 'red'],
  square: [(x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 0.8, 'green'],
  triangle: [(x, y) => y <= 0.8 && y >= 2 * Math.abs(x) - 0.9, 'blue'],
}
const colours: Readonly<Record<string, readonly number[]>> = {
  red: [210, 60, 50],
  green: [60, 180, 70],
  blue: [60, 80, 200],
}

/** Pixels of a coloured shape of random place, size and shade on a random dark ground, row after row, RGB. */
export function shapePixels(shape: string, random: Random): Uint8Array {
  const [inside, colour] = shapes[shape] as (typeof shapes)[string]
  const centre = [6 + 4 * random.uniform(), 6 + 4 * random.uniform()] as const
  const radius = 3.5 + 2.5 * random.uniform()
  const shade = 30 * random.uniform()
  return Uint8Array.from({ length: side * side * 3 }, (_, index) => {
    const pixel = Math.floor(index / 3)
    const x = ((pixel % side) - centre[0]) / radius
    const y = (Math.floor(pixel / side) - centre[1]) / radius
    const value = inside(x, y) ? (colours[colour]?.[index % 3] as number) : 40
    return value - shade + 20 * random.uniform()
  })
}

/** Writes PNG files of each shape into a folder of its own, and returns their relative names. */
export async function writeShapes(
  folder: string,
  counts: Readonly<Record<string, number>>,
  seed = 0,
): Promise<string[]> {
  const names: string[] = []
  for (const [shape, count] of Object.entries(counts)) {
    await mkdir(join(folder, shape), { recursive: true })
    for (let index = 0; index < count; index++) {
      const pixels = shapePixels(shape, createRandom(seed).fork(`${shape} ${index}`))
      const name = join(shape, `${index}.png`)
      const raw = { width: side, height: side, channels: 3 } as const
      await sharp(pixels, { raw }).toFile(join(folder, name))
      names.push(name)
    }
  }
  return names
}
