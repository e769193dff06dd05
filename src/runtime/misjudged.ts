import { windowGeometry } from '../autodiff/geometry.ts'
import { attributeValues } from '../graph/attributes.ts'
import type { Attribute, Node } from '../graph/graph.ts'
import type { TensorType } from '../graph/tensor.ts'

/**
 * Whether ONNX's shape inference may err about a node: it counts windows that start after the input, which ONNX Runtime leaves out
 * when it runs, and it loses the spatial axes of a transposed convolution with a given shape. ONNX Runtime then plans its memory
 * for dimensions that do not come.
 */
export function isMisjudged(node: Node): boolean {
  return isCeilPool(node) || isShapedConvTranspose(node)
}

function isCeilPool({ operator, domain, attributes }: Node): boolean {
  const pools = ['AveragePool', 'LpPool', 'MaxPool']
  return domain === '' && pools.includes(operator) && attributes.ceil_mode?.value === 1
}

function isShapedConvTranspose({ operator, domain, attributes }: Node): boolean {
  return domain === '' && operator === 'ConvTranspose' && attributes.output_shape !== undefined
}

/** The node with pads that say what it does, where there are such; its dimensions are then inferred as they will be. */
export function spellOut(node: Node, types: ReadonlyMap<string, TensorType>): Node {
  const [x, w, y] = [node.inputs[0], node.inputs[1], node.outputs[0]].map(
    (name) => types.get(name ?? '')?.dims.slice(2) ?? [],
  ) as [number[], number[], number[]]
  return isCeilPool(node) ? spellOutPool(node, x, y) : spellOutConvTranspose(node, x, w, y)
}

function spellOutPool(node: Node, x: readonly number[], y: readonly number[]): Node {
  const attributes = attributeValues(node, 'AveragePool')
  const window = windowGeometry(attributes, x, attributes.kernel_shape ?? [])
  const before = window.pads.slice(0, x.length)
  const after = window.kernel_shape.map((size, axis) => {
    const last = ((y[axis] as number) - 1) * (window.strides[axis] as number)
    const end = last + (size - 1) * (window.dilations[axis] as number) + 1
    return Math.max(end - (before[axis] as number) - (x[axis] as number), 0)
  })
  // Padding is not averaged in by ceil_mode alone, and is never as wide as the kernel.
  const possible = after.every(
    (pad, axis) =>
      pad < (window.kernel_shape[axis] as number) &&
      !(attributes.count_include_pad && pad > (window.pads[axis + x.length] as number)),
  )
  return possible ? withPads(node, [...before, ...after], ['ceil_mode']) : node
}

function spellOutConvTranspose(
  node: Node,
  x: readonly number[],
  kernel: readonly number[],
  y: readonly number[],
): Node {
  const attributes = attributeValues(node, 'ConvTranspose')
  const { strides, dilations } = windowGeometry({ ...attributes, auto_pad: 'NOTSET' }, x, kernel)
  const total = kernel.map((size, axis) => {
    const reach = ((x[axis] as number) - 1) * (strides[axis] as number)
    const extent = (size - 1) * (dilations[axis] as number) + 1
    return reach + extent + (attributes.output_padding?.[axis] ?? 0) - (y[axis] as number)
  })
  if (total.some((sum) => sum < 0)) return node
  const [small, large] = [
    total.map((sum) => Math.floor(sum / 2)),
    total.map((sum) => Math.ceil(sum / 2)),
  ]
  const pads = attributes.auto_pad === 'SAME_UPPER' ? [...small, ...large] : [...large, ...small]
  return withPads(node, pads, ['output_shape'])
}

function withPads(node: Node, pads: readonly number[], without: readonly string[]): Node {
  const kept = Object.entries(node.attributes).filter(
    ([name]) => name !== 'auto_pad' && !without.includes(name),
  )
  const value: Attribute = { type: 'ints', value: pads }
  return { ...node, attributes: { ...Object.fromEntries(kept), pads: value } }
}
