import { isSmallMap } from '../autodiff/lowering/row-convolution.ts'
import type { Graph } from '../graph/graph.ts'
import { sizeOf, type TensorType } from '../graph/tensor.ts'

/**
 * The kernels [F, C, height, width] that a step carries as [F, height, width, C], where a convolution on a small map multiplies rows of
 * pixels by them: turning millions of weights around and back would take as long as their product.
 */
export function carriedByPixel(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  trainable: readonly string[],
): ReadonlySet<string> {
  const wanted = new Set(trainable)
  const found = new Set<string>()
  const others = new Set<string>()
  for (const node of graph.nodes) {
    const [, w = ''] = node.inputs
    const kernel = types.get(w)?.dims
    const map = types.get(node.outputs[0] as string)?.dims.slice(2) ?? []
    const group = node.attributes.group?.value ?? 1
    const fits = node.operator === 'Conv' && group === 1 && kernel?.length === 4 && isSmallMap(map)
    if (fits && wanted.has(w) && sizeOf(kernel.slice(2)) > 1) found.add(w)
    node.inputs.forEach((input, slot) => {
      if (!fits || slot !== 1) others.add(input)
    })
  }
  return new Set([...found].filter((name) => !others.has(name)))
}

/** The values of [F, C, ...] in the order of [F, ..., C]. */
export function toPixelOrder(values: Float32Array, dims: readonly number[]): Float32Array {
  return swapped(values, dims[0] as number, dims[1] as number, sizeOf(dims.slice(2)))
}

/** The values of [F, ..., C] in the order of [F, C, ...], whose dimensions are given. */
export function toChannelOrder(values: Float32Array, dims: readonly number[]): Float32Array {
  return swapped(values, dims[0] as number, sizeOf(dims.slice(2)), dims[1] as number)
}

/** Matrices [rows, columns], each transposed. */
function swapped(values: Float32Array, count: number, rows: number, columns: number) {
  const result = new Float32Array(values.length)
  const size = rows * columns
  for (let start = 0; start < count * size; start += size) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        result[start + column * rows + row] = values[start + row * columns + column] as number
      }
    }
  }
  return result
}
