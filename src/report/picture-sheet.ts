import { gather, type Images } from '../data/pixels.ts'
import { writeFileAtomic } from '../files.ts'

/** Pixels between images. */
const gap = 2
/** Small images are shown at least so wide. */
const leastWidth = 84

/** Writes rows of images of one size as a PNG, one row under the other, on white. */
export async function writePictureSheet(path: string, rows: readonly Images[]): Promise<void> {
  const [first] = rows
  if (!first) return
  const { default: sharp } = await import('sharp')
  const scale = Math.max(1, Math.round(leastWidth / first.width))
  const [width, height] = [first.width * scale, first.height * scale]
  const columns = Math.max(...rows.map(({ count }) => count))
  const tiles = await Promise.all(
    rows.flatMap((images, row) =>
      Array.from({ length: images.count }, async (_, column) => {
        const raw = {
          width: images.width,
          height: images.height,
          channels: images.channels as 1 | 3,
        }
        const input = await sharp(gather(images, [column]), { raw })
          .resize(width, height, { kernel: 'nearest' })
          .png()
          .toBuffer()
        return { input, left: gap + column * (width + gap), top: gap + row * (height + gap) }
      }),
    ),
  )
  const sheet = sharp({
    create: {
      width: gap + columns * (width + gap),
      height: gap + rows.length * (height + gap),
      channels: 3,
      background: 'white',
    },
  })
  await writeFileAtomic(path, await sheet.composite(tiles).removeAlpha().png().toBuffer())
}
