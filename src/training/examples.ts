import { type AugmentationRecipe, augment } from '../data/augment.ts'
import { gather, type Images } from '../data/pixels.ts'
import { sizeOf, type Tensor } from '../graph/tensor.ts'
import type { Random } from '../random.ts'

/** What a network is trained on, whatever it is: it fills batches on demand. */
export type Examples = {
  readonly count: number
  /** The dimensions of one example, as the network takes it. */
  readonly dims: readonly number[]
  readonly type: 'uint8' | 'float32'
  /**
   * The examples at `indices` as one tensor [indices.length, ...dims], which is good until the next call with as many. With
   * a generator they are augmented.
   */
  batch(indices: ArrayLike<number>, random?: Random): Tensor
}

/** Reuses one tensor for each batch size: sessions know their buffers by identity. */
function buffers(make: (count: number) => Tensor): (count: number) => Tensor {
  const known = new Map<number, Tensor>()
  return (count) => {
    const existing = known.get(count)
    if (existing) return existing
    const made = make(count)
    known.set(count, made)
    return made
  }
}

/** Images as raw pixels, uint8 NHWC, augmented by a recipe. */
export function imageExamples(images: Images, recipe?: AugmentationRecipe): Examples {
  const { height, width, channels, count } = images
  const dims = [height, width, channels]
  const tensor = buffers((rows) => ({
    type: 'uint8',
    dims: [rows, ...dims],
    data: new Uint8Array(rows * sizeOf(dims)),
  }))
  const raw = new Map<number, Uint8Array<ArrayBuffer>>()
  return {
    count,
    dims,
    type: 'uint8',
    batch(indices, random) {
      const target = tensor(indices.length)
      if (!random || !recipe) {
        gather(images, indices, target.data as Uint8Array<ArrayBuffer>)
        return target
      }
      const plain = raw.get(indices.length) ?? new Uint8Array(target.data.byteLength)
      raw.set(indices.length, plain)
      gather(images, indices, plain)
      augment(plain, images, recipe, random, target.data as Uint8Array<ArrayBuffer>)
      return target
    },
  }
}

/** Vectors or maps of numbers, float32, such as the cached activations at a cut. */
export function arrayExamples(data: Float32Array, dims: readonly number[]): Examples {
  const size = sizeOf(dims)
  const tensor = buffers((rows) => ({
    type: 'float32',
    dims: [rows, ...dims],
    data: new Float32Array(rows * size),
  }))
  return {
    count: data.length / size,
    dims,
    type: 'float32',
    batch(indices) {
      const target = tensor(indices.length)
      const values = target.data as Float32Array
      for (let row = 0; row < indices.length; row++) {
        const start = (indices[row] as number) * size
        values.set(data.subarray(start, start + size), row * size)
      }
      return target
    },
  }
}
