import type { GraphBuilder } from '../graph/builder.ts'
import { type Optimizer, writeTransformations } from '../nn/optimizers.ts'

/** The scalar inputs of every training step. */
export const learningRateInput = 'graft.learning_rate'
export const stepInput = 'graft.step'

export type UpdateOptions = {
  readonly optimizer: Optimizer
  /** The largest global norm of the gradient; larger ones are scaled down to it (Pascanu et al., 2013). */
  readonly clipNorm?: number
  /** A factor on the learning rate for each parameter; default 1. */
  readonly multipliers?: ReadonlyMap<string, number>
}

/** A flat value that a step reads under `input` and writes anew under `output`. */
export type Carried = {
  /** The parameter whose value or state this is. */
  readonly parameter: string
  /** Which state of the optimizer; undefined for the parameter's own value. */
  readonly state?: string
  readonly input: string
  readonly output: string
  readonly size: number
}

export type Trainable = {
  readonly name: string
  readonly dims: readonly number[]
  readonly size: number
  /** The flat value and its flat gradient. */
  readonly value: string
  readonly gradient: string
}

/**
 * Writes the update of all parameters. Parameters and optimizer state are flat vectors: ONNX Runtime's products of a tensor and a
 * scalar are about ten times slower where the tensor ends in axes of length 1.
 */
export function writeUpdate(
  builder: GraphBuilder,
  trainables: readonly Trainable[],
  { optimizer, clipNorm, multipliers }: UpdateOptions,
): { readonly carried: readonly Carried[]; readonly gradientNorm: string } {
  const learningRate = builder.input(learningRateInput, 'float32', [])
  const step = builder.input(stepInput, 'float32', [])
  const gradientNorm = globalNorm(builder, trainables)
  const shrink = clipNorm === undefined ? undefined : clipFactor(builder, gradientNorm, clipNorm)
  const carried: Carried[] = []
  for (const { name, dims, size, value, gradient } of trainables) {
    const multiplier = multipliers?.get(name) ?? 1
    const context = {
      builder,
      parameter: value,
      // Biases, scales and offsets have one axis, or are broadcast over the batch.
      decays: dims.length > 1 && dims[0] !== 1,
      learningRate:
        multiplier === 1
          ? learningRate
          : builder.op('Mul', [learningRate, builder.scalar(multiplier)]),
      step,
    }
    const shrunk = shrink ? builder.op('Mul', [gradient, shrink]) : gradient
    const inputs = optimizer.map(({ state }, index) =>
      state.map((kind) => builder.input(`${name} ${kind}${index}`, 'float32', [size])),
    )
    const { update, states } = writeTransformations(optimizer, context, shrunk, inputs)
    optimizer.forEach(({ state }, index) => {
      state.forEach((kind, i) => {
        const input = inputs[index]?.[i] as string
        const output = states[index]?.[i] as string
        carried.push({ parameter: name, state: `${kind}${index}`, input, output, size })
      })
    })
    const output = builder.op('Add', [value, update])
    carried.push({ parameter: name, input: value, output, size })
  }
  return { carried, gradientNorm }
}

function globalNorm(builder: GraphBuilder, trainables: readonly Trainable[]): string {
  const squares = trainables.map(({ gradient }) =>
    builder.op('ReduceSumSquare', [gradient, builder.int64s([0])], { keepdims: 0 }),
  )
  return builder.op('Sqrt', [squares.length === 1 ? squares[0] : builder.op('Sum', squares)])
}

function clipFactor(builder: GraphBuilder, norm: string, largest: number): string {
  const ratio = builder.op('Div', [
    builder.scalar(largest),
    builder.op('Max', [norm, builder.scalar(1e-12)]),
  ])
  return builder.op('Min', [ratio, builder.scalar(1)])
}
