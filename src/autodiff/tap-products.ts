import { attributeValues } from '../graph/attributes.ts'
import { rebuild } from '../graph/builder.ts'
import { consumersOf, type Graph, type Node } from '../graph/graph.ts'
import { float32, int64, sizeOf, type Tensor, type TensorType } from '../graph/tensor.ts'
import { addRows } from './add-rows.ts'
import { windowGeometry } from './geometry.ts'
import { pixelsUnderKernel } from './lowering/pixels.ts'
import { type TypedWriting, typedConstant, typedOp } from './typed-op.ts'

/**
 * The kernels that were taken apart, by name: their taps, row by row, each a parameter [F, C] of its own that holds every n-th value of the kernel
 * [F, C, height, width] of n taps.
 */
export type KernelTaps = ReadonlyMap<string, readonly string[]>

/** So many products less make up for what is picked and added up beside them. */
const worthwhile = 5e7

/**
 * Writes a convolution whose kernel lies on padding for the most part, such as one of 3x3 on a map of 2x2, as products of matrices: for each tap, the pixels that
 * it sees times its weights. What is multiplied by padding otherwise is left out, and a kernel that is as large as millions of values is updated in pieces that fit
 * into the cache.
 *
 * @param types the exact type of every value (see `inferTypes`)
 * @param trainable names of parameters; kernels that are not trained, or that something else needs too, stay as they are
 * @param least how many products must be saved
 */
export function writeTapProducts(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  trainable: ReadonlySet<string>,
  least = worthwhile,
): {
  readonly graph: Graph
  readonly types: ReadonlyMap<string, TensorType>
  readonly taps: KernelTaps
} {
  const consumers = consumersOf(graph)
  const plans = new Map<Node, TapPlan>()
  for (const node of graph.nodes) {
    const [, w = ''] = node.inputs
    if (!trainable.has(w) || consumers.get(w)?.length !== 1) continue
    const plan = planOf(node, types, least)
    if (plan) plans.set(node, plan)
  }
  const taps = new Map<string, readonly string[]>()
  if (plans.size === 0) return { graph, types, taps }
  const builder = rebuild(graph)
  const known = new Map(types)
  const initializers = new Map(graph.initializers)
  for (const node of graph.nodes) {
    const plan = plans.get(node)
    if (!plan) {
      builder.append(node)
      continue
    }
    const w = node.inputs[1] as string
    const { dims, data } = initializers.get(w) as Tensor
    const names = plan.taps.map(() => builder.fresh(`${w} tap`))
    names.forEach((name, tap) => {
      const part = dims.slice(0, 2)
      initializers.set(name, float32(part, tapOf(data as Float32Array, tap, names.length)))
      known.set(name, { type: 'float32', dims: part })
    })
    initializers.delete(w)
    taps.set(w, names)
    writeConvolution({ builder, known }, node, plan, names)
  }
  return { graph: { ...builder.build(), initializers }, types: known, taps }
}

/** The values of one tap of [F, C, ...] with so many taps, in the order of [F, C]. */
export function tapOf(values: Float32Array, tap: number, count: number): Float32Array {
  const own = new Float32Array(values.length / count)
  for (let i = 0; i < own.length; i++) own[i] = values[i * count + tap] as number
  return own
}

/** Puts the values of one tap where `tapOf` takes them from. */
export function putTap(values: Float32Array, own: Float32Array, tap: number, count: number): void {
  for (let i = 0; i < own.length; i++) values[i * count + tap] = own[i] as number
}

type TapPlan = {
  readonly dims: readonly number[]
  readonly outputDims: readonly number[]
  /** For each tap of the kernel, the pixels of the output that see one of the input through it, and those. */
  readonly taps: readonly { readonly to: readonly number[]; readonly from: readonly number[] }[]
}

/** How a convolution becomes products; null where it is better off as it is. */
function planOf(node: Node, types: ReadonlyMap<string, TensorType>, least: number): TapPlan | null {
  const [x = '', w = ''] = node.inputs
  const [dims, kernel] = [types.get(x)?.dims, types.get(w)?.dims]
  const outputDims = types.get(node.outputs[0] as string)?.dims
  if (node.operator !== 'Conv' || node.domain !== '' || types.get(w)?.type !== 'float32')
    return null
  if (!dims || !outputDims || kernel?.length !== 4 || sizeOf(kernel) <= sizeOf(outputDims))
    return null
  const attributes = attributeValues(node, 'Conv')
  if (attributes.group !== 1) return null
  const count = sizeOf(kernel.slice(2))
  const seen = pixelsUnderKernel({
    ...windowGeometry(attributes, dims.slice(2), kernel.slice(2)),
    dims,
    output_dims: outputDims,
  })
  const pairs = seen.filter((pixel) => pixel >= 0).length
  const saved = (seen.length - pairs) * (dims[0] as number) * (sizeOf(kernel) / count)
  if (pairs === 0 || 2 * pairs > seen.length || saved < least) return null
  const taps = Array.from({ length: count }, (_, tap) => {
    const own = seen.flatMap((pixel, at) =>
      at % count === tap && pixel >= 0 ? [{ at, pixel }] : [],
    )
    return {
      to: own.map(({ at }) => Math.floor(at / count)),
      from: own.map(({ pixel }) => pixel),
    }
  })
  return { dims, outputDims, taps }
}

/** The convolution, on pixels as rows of all images and channels. */
function writeConvolution(
  write: TypedWriting,
  node: Node,
  { dims, outputDims, taps }: TapPlan,
  weights: readonly string[],
): void {
  const { builder, known } = write
  const [x = '', , bias] = node.inputs
  const [batch, channels, ...input] = dims as [number, number, number, number]
  const [, filters, ...output] = outputDims as [number, number, number, number]
  const reshape = (value: string, own: readonly number[]) =>
    typedOp(write, 'Reshape', [value, builder.int64s(own)], own)
  const used = taps.flatMap((tap, index) =>
    tap.to.length > 0 ? [{ ...tap, weight: weights[index] as string }] : [],
  )
  /** Some pixels of every image, as rows where the pixels of one image lie after those of another. */
  const rowsOf = (pixels: readonly number[], each: number) =>
    Array.from({ length: batch }, (_, image) => pixels.map((pixel) => image * each + pixel)).flat()
  const from = used.flatMap((tap) => rowsOf(tap.from, sizeOf(input)))
  const to = used.flatMap((tap) => rowsOf(tap.to, sizeOf(output)))
  const last = typedOp(write, 'Transpose', [x], [batch, ...input, channels], { perm: [0, 2, 3, 1] })
  const pixels = reshape(last, [batch * sizeOf(input), channels])
  const picks = typedConstant(write, int64([from.length], from))
  const picked = typedOp(write, 'Gather', [pixels, picks], [from.length, channels], { axis: 0 })
  const sizes = used.map((tap) => tap.to.length * batch)
  const apart =
    used.length === 1
      ? [picked]
      : builder.ops('Split', [picked, builder.int64s(sizes)], { axis: 0 }, used.length)
  const products = used.map(({ weight }, index) => {
    const rows = apart[index] as string
    const size = sizes[index] as number
    known.set(rows, { type: 'float32', dims: [size, channels] })
    return typedOp(write, 'Gemm', [rows, weight], [size, filters], { transB: 1 })
  })
  const all =
    products.length === 1
      ? (products[0] as string)
      : typedOp(write, 'Concat', products, [to.length, filters], { axis: 0 })
  const count = batch * sizeOf(output)
  const zero = typedConstant(write, float32([], [0]))
  const sum = addRows(write, { rows: all, count: to.length, width: filters, zero }, to, count)
  const shifted = bias ? typedOp(write, 'Add', [sum, bias], [count, filters]) : sum
  builder.append({
    name: node.name,
    operator: 'Transpose',
    domain: '',
    inputs: [reshape(shifted, [batch, ...output, filters])],
    outputs: node.outputs,
    attributes: { perm: { type: 'ints', value: [0, 3, 1, 2] } },
  })
}
