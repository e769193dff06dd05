import { createBuilder, type GraphBuilder } from '../src/graph/builder.ts'
import type { Graph } from '../src/graph/graph.ts'
import { float32, sizeOf, type Tensor } from '../src/graph/tensor.ts'
import { createRandom } from '../src/random.ts'

const source = createRandom(1)
export const normal = (...dims: number[]): Tensor =>
  float32(
    dims,
    Array.from({ length: sizeOf(dims) }, () => 0.5 * source.normal()),
  )

export type Dims = readonly (number | string)[]
export const nchw: Dims = ['N', 3, 12, 8]
export const nhwc: Dims = ['N', 12, 8, 3]
export const channels = 6

/** Weights arrive as parameters, as in files. */
export const weight = (b: GraphBuilder, ...dims: number[]) =>
  b.parameter(b.fresh('weight'), normal(...dims))

/** A convolution of 3 channels with stride 2: [N, 3, H, W] to [N, 6, H / 2, W / 2]. */
export function body(b: GraphBuilder, x: string): string {
  const attributes = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }
  return b.op('Relu', [b.op('Conv', [x, weight(b, channels, 3, 3, 3)], attributes)])
}

export const pooled = (b: GraphBuilder, map: string) => b.op('GlobalAveragePool', [map])
const vector = (b: GraphBuilder, map: string) => b.op('Flatten', [pooled(b, map)])
export const gemm = (b: GraphBuilder, x: string, inputs: number, classes = 5) =>
  b.op('Gemm', [x, weight(b, classes, inputs), weight(b, classes)], { transB: 1 })

/** Writes a network and names the value at which it should be cut. */
export type Write = (
  b: GraphBuilder,
  x: string,
) => { readonly output: string; readonly features: string }

export function network(dims: Dims, write: Write): { graph: Graph; features: string } {
  const b = createBuilder('network')
  const { output, features } = write(b, b.input('image', 'float32', dims))
  b.output(output)
  return { graph: b.build(), features }
}

export const onMap =
  (write: Write): Write =>
  (b, x) =>
    write(b, body(b, x))
export const onVector = (write: Write): Write => onMap((b, map) => write(b, vector(b, map)))
/** As tf2onnx writes it: the image is turned around first. */
export const turned =
  (write: Write): Write =>
  (b, x) =>
    write(b, body(b, b.op('Transpose', [x], { perm: [0, 3, 1, 2] })))

/** The mean over some axes of a value of the network, in double precision. */
export function meanOver(value: Tensor, axes: readonly number[]): number[] {
  const kept = value.dims.flatMap((dim, axis) => (axes.includes(axis) ? [] : [{ dim, axis }]))
  const sums = new Float64Array(sizeOf(kept.map(({ dim }) => dim)))
  const strides = value.dims.map((_, axis) => sizeOf(value.dims.slice(axis + 1)))
  value.data.forEach((element, i) => {
    const place = kept.reduce(
      (index, { dim, axis }) => index * dim + (Math.floor(i / (strides[axis] as number)) % dim),
      0,
    )
    sums[place] = (sums[place] as number) + Number(element)
  })
  return Array.from(sums, (sum) => (sum * sums.length) / value.data.length)
}
