import type { GraphBuilder } from '../graph/builder.ts'
import { type FirstValues, type Optimizer, writeTransformations } from '../nn/optimizers.ts'

/** The scalar inputs of every training step. */
export const learningRateInput = 'graft.learning_rate'
export const stepInput = 'graft.step'

export type UpdateOptions = {
  readonly optimizer: Optimizer
  /** The largest global norm of the gradient; larger ones are scaled down to it (Pascanu et al., 2013). */
  readonly clipNorm?: number
  /** A factor on the learning rate for each parameter; default 1. */
  readonly multipliers?: ReadonlyMap<string, number>
  /** The parameters of new layers, which `decayTowardsStart` does not hold to their first values; default none. */
  readonly newParameters?: ReadonlySet<string>
}

/** Where the values of one parameter lie in a flat vector. */
export type Part = {
  readonly parameter: string
  readonly offset: number
  readonly size: number
  /** Which tap of the parameter it is, where that is a kernel whose taps are carried one by one. */
  readonly tap?: number
}

/** A flat vector that a step reads under `input` and writes anew under `output`: values, or optimizer state, of some parameters. */
export type Carried = {
  readonly parts: readonly Part[]
  /** Which state of the optimizer; undefined for the parameters' own values. */
  readonly state?: string
  readonly first: FirstValues
  readonly input: string
  readonly output: string
  readonly size: number
}

export type Trainable = {
  readonly name: string
  readonly dims: readonly number[]
  readonly size: number
  /** Which tap of the parameter it is; default all of them. */
  readonly tap?: number
  /** Its gradient, flat. */
  readonly gradient: string
}

/** One vector for the values of some parameters in a row. */
export function packed(
  members: readonly Pick<Trainable, 'name' | 'size' | 'tap'>[],
): Pick<Carried, 'parts' | 'size'> {
  let offset = 0
  const parts = members.map(({ name, size, tap }): Part => {
    const part = { parameter: name, offset, size, ...(tap !== undefined && { tap }) }
    offset += size
    return part
  })
  return { parts, size: offset }
}

/**
 * Writes the update of all parameters. Parameters and optimizer state are flat vectors: ONNX Runtime's products of a tensor and a
 * scalar are about ten times slower where the tensor ends in axes of length 1. Small parameters that are updated alike share one vector,
 * for a network has hundreds of them, and a node costs microseconds however little it does.
 *
 * @returns what is carried, and scalars whose sum is the square of the gradient's norm: added up in here, they would all have to wait for the last gradient
 */
export function writeUpdate(
  builder: GraphBuilder,
  trainables: readonly Trainable[],
  { optimizer, clipNorm, ...options }: UpdateOptions,
): { readonly carried: readonly Carried[]; readonly gradientSquares: readonly string[] } {
  const learningRate = builder.input(learningRateInput, 'float32', [])
  const step = builder.input(stepInput, 'float32', [])
  const groups = groupsOf(trainables, options).map((group) => ({
    ...group,
    ...packed(group.members),
    gradient: joined(builder, group.members),
  }))
  const squareOf = (gradient: string) =>
    builder.op('ReduceSumSquare', [gradient, builder.int64s([0])], { keepdims: 0 })
  const shrink =
    clipNorm === undefined
      ? undefined
      : clipFactor(
          builder,
          groups.map(({ gradient }) => squareOf(gradient)),
          clipNorm,
        )
  const carried: Carried[] = []
  const gradientSquares: string[] = []
  for (const { name, decays, reused, multiplier, parts, size, gradient } of groups) {
    const value = builder.input(builder.fresh(`${name} flat`), 'float32', [size])
    const context = {
      builder,
      parameter: value,
      decays,
      reused,
      learningRate:
        multiplier === 1
          ? learningRate
          : builder.op('Mul', [learningRate, builder.scalar(multiplier)]),
      step,
    }
    gradientSquares.push(squareOf(gradient))
    const shrunk = shrink ? builder.op('Mul', [gradient, shrink]) : gradient
    const inputs = optimizer.map(({ state }, index) =>
      state.map((kind) =>
        builder.input(builder.fresh(`${name} ${kind}${index}`), 'float32', [size]),
      ),
    )
    const { update, states } = writeTransformations(optimizer, context, shrunk, inputs)
    optimizer.forEach(({ state, first = 'zeros' }, index) => {
      state.forEach((kind, i) => {
        const input = inputs[index]?.[i] as string
        const output = states[index]?.[i] as string
        carried.push({ parts, state: `${kind}${index}`, first, input, output, size })
      })
    })
    const output = builder.op('Add', [value, update])
    carried.push({ parts, first: 'parameter', input: value, output, size })
  }
  return { carried, gradientSquares }
}

/** Copies in and out of a shared vector cost more than they save where a parameter has more values. */
const smallParameter = 2 ** 15

type Group = {
  readonly name: string
  readonly decays: boolean
  readonly reused: boolean
  readonly multiplier: number
  readonly members: readonly Trainable[]
}

function groupsOf(
  trainables: readonly Trainable[],
  { multipliers, newParameters }: Pick<UpdateOptions, 'multipliers' | 'newParameters'>,
): Group[] {
  const groups = new Map<string, Group & { readonly members: Trainable[] }>()
  for (const trainable of trainables) {
    const { name, dims, size, tap } = trainable
    // Biases, scales and offsets have one axis, or are broadcast over the batch.
    const decays = dims.length > 1 && dims[0] !== 1
    const multiplier = multipliers?.get(name) ?? 1
    const reused = !newParameters?.has(name)
    const key = size > smallParameter ? `${name} ${tap}` : `${decays} ${reused} ${multiplier}`
    const group = groups.get(key) ?? { name, decays, reused, multiplier, members: [] }
    group.members.push(trainable)
    groups.set(key, group)
  }
  return [...groups.values()]
}

function joined(builder: GraphBuilder, members: readonly Trainable[]): string {
  const gradients = members.map(({ gradient }) => gradient)
  return gradients.length === 1
    ? (gradients[0] as string)
    : builder.op('Concat', gradients, { axis: 0 })
}

function clipFactor(builder: GraphBuilder, squares: readonly string[], largest: number): string {
  const norm = builder.op('Sqrt', [builder.op('Sum', squares)])
  const ratio = builder.op('Div', [
    builder.scalar(largest),
    builder.op('Max', [norm, builder.scalar(1e-12)]),
  ])
  return builder.op('Min', [ratio, builder.scalar(1)])
}
