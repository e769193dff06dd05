import type { GraphBuilder } from '../graph/builder.ts'

/** What an optimizer may use while it writes the update of one parameter; all values are flat vectors but the scalars. */
export type UpdateContext = {
  readonly builder: GraphBuilder
  readonly parameter: string
  /** Whether weight decay applies: not to biases nor to the scales of normalization layers. */
  readonly decays: boolean
  /** The learning rate of this step, a scalar. */
  readonly learningRate: string
  /** The number of this step, from 1, a scalar. */
  readonly step: string
}

/** One piece of an optimizer: it turns the gradient, or what the piece before made of it, into an update. */
export type Transformation = {
  /** The state that it keeps for each parameter, all zeros at first. */
  readonly state: readonly string[]
  write(
    context: UpdateContext,
    update: string,
    state: readonly string[],
  ): { readonly update: string; readonly state: readonly string[] }
}

/** Pieces in a row; the last update is added to the parameter. */
export type Optimizer = readonly Transformation[]

/** Adds `rate * parameter`: L2 regularization before, decoupled weight decay after an adaptive piece (Loshchilov and Hutter, 2019). */
export function decayWeights(rate: number): Transformation {
  return {
    state: [],
    write({ builder, parameter, decays }, update) {
      if (!decays || rate === 0) return { update, state: [] }
      const decay = builder.op('Mul', [parameter, builder.scalar(rate)])
      return { update: builder.op('Add', [update, decay]), state: [] }
    },
  }
}

/** A running sum of updates (Polyak, 1964), optionally looking ahead (Nesterov, 1983; as in Sutskever et al., 2013). */
export function accelerate(momentum: number, nesterov = false): Transformation {
  return {
    state: ['velocity'],
    write({ builder }, update, [velocity = '']) {
      const scaled = (value: string) => builder.op('Mul', [value, builder.scalar(momentum)])
      const next = builder.op('Add', [scaled(velocity), update])
      return {
        update: nesterov ? builder.op('Add', [update, scaled(next)]) : next,
        state: [next],
      }
    },
  }
}

/** Divides a running mean by the root of a running mean of squares, both corrected for their start at zero (Kingma and Ba, 2015). */
export function adapt(beta1: number, beta2: number, epsilon: number): Transformation {
  return {
    state: ['mean', 'square'],
    write({ builder, step }, update, [mean = '', square = '']) {
      const blend = (kept: string, fresh: string, beta: number) =>
        builder.op('Add', [
          builder.op('Mul', [kept, builder.scalar(beta)]),
          builder.op('Mul', [fresh, builder.scalar(1 - beta)]),
        ])
      const correction = (beta: number) =>
        builder.op('Sub', [builder.scalar(1), builder.op('Pow', [builder.scalar(beta), step])])
      const nextMean = blend(mean, update, beta1)
      const nextSquare = blend(square, builder.op('Mul', [update, update]), beta2)
      // The corrections are scalars: they are folded into one factor and into epsilon's place, as in section 2 of the paper.
      const root = builder.op('Sqrt', [correction(beta2)])
      const denominator = builder.op('Add', [
        builder.op('Sqrt', [nextSquare]),
        builder.op('Mul', [root, builder.scalar(epsilon)]),
      ])
      const factor = builder.op('Div', [root, correction(beta1)])
      const ratio = builder.op('Div', [nextMean, denominator])
      return { update: builder.op('Mul', [ratio, factor]), state: [nextMean, nextSquare] }
    },
  }
}

/**
 * Divides by the root of the sum of all squares so far (Duchi et al., 2011). A `decay` above 0 also divides by 1 + decay * steps
 * taken, as `ai.onnx.preview.training.Adagrad` and PyTorch do.
 */
export function adaptToSum(epsilon: number, decay = 0): Transformation {
  return {
    state: ['sum'],
    write({ builder, step }, update, [sum = '']) {
      const next = builder.op('Add', [sum, builder.op('Mul', [update, update])])
      const root = builder.op('Add', [builder.op('Sqrt', [next]), builder.scalar(epsilon)])
      const ratio = builder.op('Div', [update, root])
      if (decay === 0) return { update: ratio, state: [next] }
      const taken = builder.op('Sub', [step, builder.scalar(1)])
      const slowed = builder.op('Mul', [taken, builder.scalar(decay)])
      const divisor = builder.op('Add', [slowed, builder.scalar(1)])
      return { update: builder.op('Div', [ratio, divisor]), state: [next] }
    },
  }
}

/** Multiplies by minus the learning rate: the last piece of every optimizer. */
export const descend: Transformation = {
  state: [],
  write({ builder, learningRate }, update) {
    return { update: builder.op('Mul', [update, builder.op('Neg', [learningRate])]), state: [] }
  },
}

/** Stochastic gradient descent. Defaults: no momentum, no weight decay. */
export function sgd({ momentum = 0, nesterov = false, weightDecay = 0 } = {}): Optimizer {
  return [
    decayWeights(weightDecay),
    ...(momentum > 0 ? [accelerate(momentum, nesterov)] : []),
    descend,
  ]
}

/** Adam (Kingma and Ba, 2015); weight decay is L2 regularization. */
export function adam({
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  weightDecay = 0,
} = {}): Optimizer {
  return [decayWeights(weightDecay), adapt(beta1, beta2, epsilon), descend]
}

/** AdamW (Loshchilov and Hutter, 2019): weight decay apart from the adaptive part. Default decay 0.01. */
export function adamw({
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  weightDecay = 0.01,
} = {}): Optimizer {
  return [adapt(beta1, beta2, epsilon), decayWeights(weightDecay), descend]
}

/** Adagrad (Duchi et al., 2011); weight decay is L2 regularization, and `decay` lowers the learning rate from step to step. */
export function adagrad({ epsilon = 1e-10, decay = 0, weightDecay = 0 } = {}): Optimizer {
  return [decayWeights(weightDecay), adaptToSum(epsilon, decay), descend]
}
