import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Graph } from '../src/graph/graph.ts'
import { readModel } from '../src/graph/read.ts'
import { sizeOf, type Tensor } from '../src/graph/tensor.ts'

// Whole networks as scripts/reference/whole_networks.py keeps them. No number is stored that scripts/reference/draws.py can draw.

/** Uniform values in [-spread, spread), or whole numbers below a bound. */
type Drawn = { dims: number[] } & ({ spread: number } | { below: number })

type GradientReference = {
  /** What an error is relative to: the norm of the true gradient, unless that is zero. */
  scale: number
  /** The relative error of PyTorch's own float32. */
  ownError: number
  /** The products of the true gradient with tensors of random signs, over the scale. */
  products: number[]
}

type NetworkReference = {
  seed: number
  /** The unit of `shifts`. */
  shift: number
  inputs: Record<string, Drawn>
  cotangents: Record<string, Drawn>
  /** Centre and spread of what each parameter is drawn from. */
  parameters: Record<string, [number, number]>
  /** Pairs of an index and how many units the value there is shifted, away from a kink of the network. */
  shifts: Record<string, number[]>
  gradients: Record<string, GradientReference>
}

const folder = new URL('../test/golden/networks/', import.meta.url)

export function readNetworkReference(name: string): NetworkReference {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'))
}

/** The network with the values of its parameters, which are inputs of the file. */
export function networkOf(
  name: string,
  { seed, parameters, shifts, shift }: NetworkReference,
): Graph {
  const graph = readModel(gunzipSync(readFileSync(new URL(`${name}.onnx.gz`, folder))))
  const initializers = new Map(graph.initializers)
  for (const input of graph.inputs) {
    const range = parameters[input.name]
    if (!range) continue
    const dims = input.dims.map(Number)
    const values = drawUniform(`${seed}/${input.name}`, sizeOf(dims), ...range)
    const moves = shifts[input.name] ?? []
    for (let i = 0; i < moves.length; i += 2) {
      const index = moves[i] as number
      values[index] = (values[index] as number) + shift * (moves[i + 1] as number)
    }
    initializers.set(input.name, { type: 'float32', dims, data: values })
  }
  const inputs = graph.inputs.filter((input) => !parameters[input.name])
  return { ...graph, inputs, initializers }
}

export function drawTensors(
  drawn: Readonly<Record<string, Drawn>>,
  seed: number,
): Record<string, Tensor> {
  const tensors = Object.entries(drawn).map(([name, range]): [string, Tensor] => {
    const { dims } = range
    const stream = `${seed}/${name}`
    return [
      name,
      'below' in range
        ? { type: 'int64', dims, data: drawIntegers(stream, sizeOf(dims), range.below) }
        : { type: 'float32', dims, data: drawUniform(stream, sizeOf(dims), 0, range.spread) },
    ]
  })
  return Object.fromEntries(tensors)
}

/**
 * How far a gradient is from the true one, relative to its scale: the root mean square of the difference along the random directions.
 * The mean square has the squared norm of the difference as its expectation, whatever the difference is. Along eight directions
 * it is that of chi-squared of eight degrees: above twice the true error once in 10,000 tensors, below half of it once in 50.
 */
export function relativeError(
  name: string,
  gradient: Tensor,
  { products, scale }: GradientReference,
): number {
  const found = project(`directions/${name}`, gradient.data as Float32Array, products.length)
  const differences = found.map((product, i) => product / scale - (products[i] as number))
  return Math.sqrt(differences.reduce((sum, value) => sum + value * value, 0) / products.length)
}

/** The products of a tensor with tensors of random signs, the lowest bits of the hashes. */
export function project(stream: string, values: Float32Array, directions: number): number[] {
  const key = keyOf(stream)
  const sums = new Float64Array(directions)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number
    const hash = hashOf(key, i)
    for (let k = 0; k < directions; k++) {
      sums[k] = (sums[k] as number) + (1 - 2 * ((hash >>> k) & 1)) * value
    }
  }
  return [...sums]
}

/** Uniform values in [centre - spread, centre + spread). */
export function drawUniform(
  stream: string,
  size: number,
  centre: number,
  spread: number,
): Float32Array {
  const key = keyOf(stream)
  const values = new Float32Array(size)
  for (let i = 0; i < size; i++) {
    values[i] = centre + spread * ((hashOf(key, i) >>> 8) / 2 ** 23 - 1)
  }
  return values
}

/** Whole numbers in [0, below). */
export function drawIntegers(stream: string, size: number, below: number): BigInt64Array {
  const key = keyOf(stream)
  return BigInt64Array.from({ length: size }, (_, i) => BigInt((hashOf(key, i) >>> 0) % below))
}

/** A hash of an index in a stream of numbers. */
function hashOf(key: number, index: number): number {
  return mix(mix(index) ^ key)
}

/** The finalizer of MurmurHash3 (Appleby). */
function mix(value: number): number {
  let x = value ^ (value >>> 16)
  x = Math.imul(x, 0x85ebca6b)
  x ^= x >>> 13
  x = Math.imul(x, 0xc2b2ae35)
  return x ^ (x >>> 16)
}

/** FNV-1a (Fowler, Noll, Vo). */
function keyOf(stream: string): number {
  let key = 0x811c9dc5
  for (const byte of new TextEncoder().encode(stream)) key = Math.imul(key ^ byte, 0x01000193)
  return key
}
