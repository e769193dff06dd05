/**
 * Makes the small Fashion-MNIST in data/fashion-mnist from the full one: `npx tsx scripts/make-demo-data.ts FOLDER`, where FOLDER holds
 * the four files as published. The first images of each class are taken, so that the choice is nobody's.
 */
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { readIdxImages, readIdxLabels } from '../src/data/idx.ts'
import { writeFileAtomic } from '../src/files.ts'

const target = new URL('../data/fashion-mnist/', import.meta.url).pathname
const parts = [
  { images: 'train-images-idx3-ubyte.gz', labels: 'train-labels-idx1-ubyte.gz', perClass: 700 },
  { images: 't10k-images-idx3-ubyte.gz', labels: 't10k-labels-idx1-ubyte.gz', perClass: 400 },
]

function idx(dims: readonly number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length)
  header.writeUInt8(8, 2)
  header.writeUInt8(dims.length, 3)
  dims.forEach((dim, axis) => {
    header.writeUInt32BE(dim, 4 + 4 * axis)
  })
  return gzipSync(Buffer.concat([header, data]), { level: 9 })
}

const folder = process.argv[2]
if (!folder) throw new Error('usage: make-demo-data.ts FOLDER')
for (const { images, labels, perClass } of parts) {
  const pixels = await readIdxImages(join(folder, images))
  const truth = await readIdxLabels(join(folder, labels))
  const counts = new Map<number, number>()
  const kept = Array.from(truth.keys()).filter((index) => {
    const label = truth[index] as number
    const count = (counts.get(label) ?? 0) + 1
    counts.set(label, count)
    return count <= perClass
  })
  const size = pixels.height * pixels.width
  const data = new Uint8Array(kept.length * size)
  kept.forEach((index, row) => {
    data.set(pixels.data.subarray(index * size, (index + 1) * size), row * size)
  })
  await writeFileAtomic(join(target, images), idx([kept.length, 28, 28], data))
  await writeFileAtomic(
    join(target, labels),
    idx(
      [kept.length],
      Uint8Array.from(kept, (i) => truth[i] as number),
    ),
  )
}
