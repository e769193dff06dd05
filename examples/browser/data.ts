import { type IdxArray, parseIdx } from '../../src/web.ts'

/** Images [count, 28, 28, 1] and the class of each. */
export type Clothes = { readonly images: IdxArray; readonly labels: Uint8Array }

export const classes = [
  'T-shirt',
  'trousers',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'boot',
]

const files = {
  train: [
    new URL('../../data/fashion-mnist/train-images-idx3-ubyte.gz', import.meta.url),
    new URL('../../data/fashion-mnist/train-labels-idx1-ubyte.gz', import.meta.url),
  ],
  test: [
    new URL('../../data/fashion-mnist/t10k-images-idx3-ubyte.gz', import.meta.url),
    new URL('../../data/fashion-mnist/t10k-labels-idx1-ubyte.gz', import.meta.url),
  ],
} as const

/** The first images of a part of Fashion-MNIST that comes with Graft. */
export async function loadClothes(part: 'train' | 'test', count: number): Promise<Clothes> {
  const [images, labels] = await Promise.all(files[part].map(readIdx))
  const [, height = 0, width = 0] = images?.dims ?? []
  return {
    images: {
      dims: [count, height, width, 1],
      data: images?.data.subarray(0, count * height * width) ?? new Uint8Array(),
    },
    labels: labels?.data.subarray(0, count) ?? new Uint8Array(),
  }
}

/** A server may have unpacked the file already. */
async function readIdx(url: URL): Promise<IdxArray> {
  const file = new Uint8Array(await (await fetch(url)).arrayBuffer())
  const isPacked = file[0] === 0x1f && file[1] === 0x8b
  if (!isPacked) return parseIdx(file, url.pathname)
  const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream('gzip'))
  return parseIdx(new Uint8Array(await new Response(stream).arrayBuffer()), url.pathname)
}
