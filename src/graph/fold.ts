import { type Node, operatorKey } from './graph.ts'
import {
  type ElementType,
  elementTypes,
  numbersOf,
  type Tensor,
  type TypedArray,
} from './tensor.ts'

/** The largest constants that are worth computing with here: conditions and counts. */
const largest = 64

const binary: Readonly<Record<string, (a: number, b: number) => number | boolean>> = {
  Add: (a, b) => a + b,
  And: (a, b) => a !== 0 && b !== 0,
  Equal: (a, b) => a === b,
  Greater: (a, b) => a > b,
  GreaterOrEqual: (a, b) => a >= b,
  Less: (a, b) => a < b,
  LessOrEqual: (a, b) => a <= b,
  Mul: (a, b) => a * b,
  Or: (a, b) => a !== 0 || b !== 0,
  Sub: (a, b) => a - b,
  Xor: (a, b) => (a !== 0) !== (b !== 0),
}

/** The value of a name where it is known. */
export type Known = (name: string) => Tensor | undefined

/** The truth of a condition that is known. */
export function flagOf(value: Tensor | undefined): boolean | undefined {
  return value?.data.length === 1 ? Number(value.data[0]) !== 0 : undefined
}

/** What `Cast` turns into what, without rounding or overflow. */
const castable: Readonly<Record<number, 'bool' | 'int32' | 'int64'>> = {
  [elementTypes.bool.code]: 'bool',
  [elementTypes.int32.code]: 'int32',
  [elementTypes.int64.code]: 'int64',
}

/** The constants of one scope, as they become known from its nodes. */
export function createConstants(
  outer: Known,
  initializers: ReadonlyMap<string, Tensor> = new Map(),
) {
  const values = new Map<string, Tensor>()
  const known: Known = (name) => values.get(name) ?? outer(name)
  const constants = {
    known,
    addInitializers(given: ReadonlyMap<string, Tensor>) {
      // Float initializers are parameters, which training changes.
      for (const [name, value] of given) if (!value.type.includes('float')) values.set(name, value)
    },
    addNode(node: Node) {
      const value = foldNode(node, known)
      if (value) values.set(node.outputs[0] as string, value)
    },
  }
  constants.addInitializers(initializers)
  return constants
}

/**
 * The result of a node that computes a condition or a count from small constants; undefined for everything else. This is no
 * interpreter: it decides branches and loops, and what it does not know stays undecided.
 */
function foldNode(node: Node, known: Known): Tensor | undefined {
  if (node.outputs.length !== 1) return undefined
  const key = operatorKey(node)
  if (key === 'Constant') {
    const value = node.attributes.value
    return value?.type === 'tensor' && value.value.data.length <= largest ? value.value : undefined
  }
  const inputs = node.inputs.map(known)
  const [a, b] = inputs
  if (!a || a.data.length > largest) return undefined
  if (key === 'Identity') return a
  if (key === 'Not')
    return tensorOf(
      'bool',
      a.dims,
      numbersOf(a).map((value) => value === 0),
    )
  if (key === 'Cast') {
    const type = castable[Number(node.attributes.to?.value)]
    if (!type || a.type.includes('float')) return undefined
    const values = numbersOf(a)
    return tensorOf(type, a.dims, type === 'bool' ? values.map((value) => value !== 0) : values)
  }
  const operation = binary[key]
  if (!operation || inputs.length !== 2 || !b) return undefined
  return foldPair(a, b, operation)
}

function foldPair(
  a: Tensor,
  b: Tensor,
  operation: (a: number, b: number) => number | boolean,
): Tensor | undefined {
  if (a.type !== b.type || a.type === 'float16' || a.type === 'bfloat16') return undefined
  const spreads = (one: Tensor, over: Tensor) =>
    one.data.length === 1 && one.dims.length <= over.dims.length
  const whole = a.dims.join() === b.dims.join() || spreads(b, a) ? a : spreads(a, b) ? b : undefined
  if (!whole || whole.data.length === 0 || b.data.length > largest) return undefined
  const [left, right] = [numbersOf(a), numbersOf(b)]
  const exact = [...left, ...right].every(Number.isSafeInteger)
  if (a.type.includes('64') && a.type !== 'float64' && !exact) return undefined
  const results = Array.from({ length: whole.data.length }, (_, i) =>
    operation(
      left[left.length === 1 ? 0 : i] as number,
      right[right.length === 1 ? 0 : i] as number,
    ),
  )
  return tensorOf(typeof results[0] === 'boolean' ? 'bool' : a.type, whole.dims, results)
}

/** Undefined where an integer has grown beyond what a number holds exactly. */
function tensorOf(
  type: ElementType,
  dims: readonly number[],
  values: readonly (number | boolean)[],
): Tensor | undefined {
  const wide = type === 'int64' || type === 'uint64'
  const numbers = values.map(Number)
  if (wide && !numbers.every(Number.isSafeInteger)) return undefined
  const array = elementTypes[type].array as {
    from(values: Iterable<number | bigint>): TypedArray
  }
  return { type, dims, data: array.from(wide ? numbers.map(BigInt) : numbers) }
}
