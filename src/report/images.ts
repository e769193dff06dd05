import { type Html, html } from './html.ts'

/** An image to show: bytes of one (grey) or three (RGB) channels, row by row, channels last. */
export type SampleImage = {
  readonly pixels: Uint8Array
  readonly label: string
  /** Default 28, the size of Fashion-MNIST. */
  readonly height?: number
  readonly width?: number
}

/** A row of small images with their labels, as inline PNG. */
export async function gallery(images: readonly SampleImage[]): Promise<Html | null> {
  if (images.length === 0) return null
  const items = await Promise.all(
    images.map(
      async (image) =>
        html`<li><img src="${await pngUri(image)}" alt="Sample: ${image.label}" width="72">${image.label}</li>`,
    ),
  )
  return html`<ul class="gallery">${items}</ul>
`
}

/** A `data:` address of the image as PNG. */
async function pngUri({ pixels, height = 28, width = 28 }: SampleImage): Promise<string> {
  const { default: sharp } = await import('sharp')
  const channels = pixels.length / (height * width) === 3 ? 3 : 1
  const png = await sharp(pixels, { raw: { width, height, channels } })
    .png({ compressionLevel: 9, palette: channels === 1 })
    .toBuffer()
  return `data:image/png;base64,${png.toString('base64')}`
}
