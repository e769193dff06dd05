import { expect, test } from 'vitest'
import { drawnImages } from '../../testing/drawn-images.ts'
import { streamOf } from '../data/image-stream.ts'
import { gather, type Images } from '../data/pixels.ts'
import { createRandom } from '../random.ts'
import { designFor } from '../training/design.ts'
import { turnedAlike } from './turned-alike.ts'

const size = { height: 8, width: 8, channels: 1 }

/** Noise with a bright bar: at the top or at the bottom, or at the left or at the right. */
function bars(
  places: readonly [string, string],
  count = 24,
): { images: Images; labels: Int32Array } {
  const random = createRandom(2)
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2)
  const isBright: Record<string, (y: number, x: number) => boolean> = {
    top: (y) => y < 3,
    bottom: (y) => y >= 5,
    left: (y, x) => x < 3 && y > 0,
    cross: (y, x) => (x > 1 && x < 6) || (y > 1 && y < 6),
  }
  const data = Uint8Array.from({ length: count * 64 }, (_, i) => {
    const [image, y, x] = [Math.floor(i / 64), Math.floor((i % 64) / 8), i % 8]
    const place = places[labels[image] as number] as string
    return (isBright[place]?.(y, x) ? 200 : 0) + random.integer(30)
  })
  const names = Array.from({ length: count }, (_, i) => `${i}`)
  return { images: { ...size, count, data, names }, labels }
}

const ask = ({ images, labels }: ReturnType<typeof bars>, classes: readonly string[]) =>
  turnedAlike({
    images: streamOf(images),
    architecture: designFor(size),
    probe: { classes, labels },
    random: createRandom(3),
  })

test('classes that are each other turned are named', async () => {
  const classes = ['top', 'bottom'] as const
  expect(await ask(bars(classes), classes)).toMatch(/"top" look like "bottom" when turned/)
})

test('they are where images come class by class, and are more than are looked at', async () => {
  const classes = ['top', 'bottom'] as const
  const { images, labels } = bars(classes, 700)
  const order = [...labels.keys()].sort((a, b) => (labels[a] as number) - (labels[b] as number))
  const sorted = { ...images, data: gather(images, order) }
  const byClass = {
    images: sorted,
    labels: labels.map((_, i) => labels[order[i] as number] as number),
  }
  expect(await ask(byClass, classes)).toMatch(/"top" look like "bottom" when turned/)
})

test('classes that no turn makes alike are not', async () => {
  const classes = ['top', 'cross'] as const
  expect(await ask(bars(classes), classes)).toBeNull()
})

test('without labels there is nothing to say', async () => {
  const images = streamOf(drawnImages({ count: 10, ...size }))
  expect(
    await turnedAlike({ images, architecture: designFor(size), random: createRandom(3) }),
  ).toBeNull()
})
