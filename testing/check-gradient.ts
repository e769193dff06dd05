import type { Graph } from '../src/graph/graph.ts'
import { elementTypes, sizeOf, type Tensor } from '../src/graph/tensor.ts'
import type { Random } from '../src/random.ts'
import { runtime, vjp } from './runtime.ts'

export type GradientCheck = {
  /** Inputs and parameters by name; by default all that are floats. */
  readonly wrt?: readonly string[]
  /** What is checked; by default the engine's `vjp`. */
  readonly gradient?: typeof vjp
}

/** Steps and tolerances that each precision allows. */
const precisions = {
  float32: { epsilon: 2 ** -23, step: 0.01, tolerance: 2e-3 },
  float64: { epsilon: 2 ** -52, step: 1e-3, tolerance: 1e-6 },
}

/**
 * Holds gradients against differences: for each input, along a random direction, in which every element counts about the same. The
 * difference is central and of fourth order, (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h, so that in float32 the step can be large
 * enough for rounding to matter little. Inputs should stay 0.05 away from kinks.
 *
 * @throws Error that names the inputs whose gradients are wrong, with both slopes
 */
export async function checkGradient(
  graph: Graph,
  inputs: Readonly<Record<string, Tensor>>,
  random: Random,
  { wrt = floatNames(graph), gradient = vjp }: GradientCheck = {},
): Promise<void> {
  const session = await runtime.createSession(parametersAsInputs(graph, wrt))
  try {
    const point: Record<string, Tensor> = { ...inputs }
    for (const name of wrt) point[name] ??= graph.initializers.get(name) as Tensor
    const outputs = Object.entries(await session.run(point)).filter(([, { type }]) => isFloat(type))
    const cotangents = Object.fromEntries(
      outputs.map(([name, output]) => [name, like(output, () => random.normal())]),
    )
    const weighted = async (feeds: Record<string, Tensor>) => {
      const results = await session.run(feeds, Object.keys(cotangents))
      return Object.entries(cotangents).map(([name, cotangent]) =>
        products(cotangent, results[name] as Tensor),
      )
    }
    const terms = (await weighted(point)).flat()
    const gradients = await gradient(graph, inputs, cotangents, wrt)

    const wrong: string[] = []
    for (const name of wrt) {
      const at = point[name] as Tensor
      const { epsilon, step, tolerance } = precisions[at.type as keyof typeof precisions]
      const direction = like(at, () => Math.sign(random.uniform() - 0.5) * (0.5 + random.uniform()))
      const value = async (distance: number) => {
        const moved = like(at, (i) => Number(at.data[i]) + distance * Number(direction.data[i]))
        return sum((await weighted({ ...point, [name]: moved })).flat())
      }
      const near = (await value(step)) - (await value(-step))
      const far = (await value(2 * step)) - (await value(-2 * step))
      const numeric = (8 * near - far) / (12 * step)
      const found = gradients[name]
      if (found?.dims.join() !== at.dims.join() || found.data.length !== at.data.length) {
        wrong.push(`${name} has a gradient of [${found?.dims}], not [${at.dims}]`)
        continue
      }
      const parts = products(found, direction)
      const allowed = tolerance * norm(parts) + (epsilon * (16 * norm(terms) + 1)) / step
      if (!(Math.abs(sum(parts) - numeric) <= allowed)) {
        wrong.push(`${name} has the slope ${sum(parts)}, but differences give ${numeric}`)
      }
    }
    if (wrong.length > 0) throw new Error(`wrong gradients: ${wrong.join('; ')}`)
  } finally {
    await session.release()
  }
}

function floatNames(graph: Graph): string[] {
  const parameters = [...graph.initializers].map(([name, { type }]) => ({ name, type }))
  return [...graph.inputs, ...parameters].flatMap(({ name, type }) => (isFloat(type) ? [name] : []))
}

function isFloat(type: string): boolean {
  return Object.hasOwn(precisions, type)
}

function parametersAsInputs(graph: Graph, names: readonly string[]): Graph {
  const moved = [...graph.initializers].filter(([name]) => names.includes(name))
  return {
    ...graph,
    inputs: [...graph.inputs, ...moved.map(([name, { type, dims }]) => ({ name, type, dims }))],
    initializers: new Map([...graph.initializers].filter(([name]) => !names.includes(name))),
  }
}

function like({ type, dims }: Tensor, valueAt: (index: number) => number): Tensor {
  const values = Array.from({ length: sizeOf(dims) }, (_, i) => valueAt(i))
  return { type, dims, data: new elementTypes[type as keyof typeof precisions].array(values) }
}

function products(a: Tensor, b: Tensor): number[] {
  return Array.from(a.data as ArrayLike<number>, (value, i) => Number(value) * Number(b.data[i]))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function norm(values: readonly number[]): number {
  return Math.sqrt(sum(values.map((value) => value * value)))
}
