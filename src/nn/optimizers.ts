import type { GraphBuilder } from '../graph/builder.ts'

/** What an optimizer may use while it writes the update of one parameter; all values are flat vectors but the scalars. */
export type UpdateContext = {
  readonly builder: GraphBuilder
  readonly parameter: string
  /** Whether weight decay applies: not to biases nor to the scales of normalization layers. */
  readonly decays: boolean
  /** Whether it begins at learned values; a parameter of a new layer does not. */
  readonly reused: boolean
  /** The learning rate of this step, a scalar. */
  readonly learningRate: string
  /** The number of this step, from 1, a scalar. */
  readonly step: string
}

export type FirstValues = 'zeros' | 'parameter'

/** One piece of an optimizer: it turns the gradient, or what the piece before made of it, into an update. */
export type Transformation = {
  /** The state that it keeps for each parameter. */
  readonly state: readonly string[]
  /** What the state is before the first step: default zeros, else the values that the parameter has then. */
  readonly first?: FirstValues
  write(
    context: UpdateContext,
    update: string,
    state: readonly string[],
  ): {
    readonly update: string
    /** A scalar by which the update is still to be multiplied: `descend` does it together with the learning rate. */
    readonly factor?: string
    readonly state: readonly string[]
  }
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

/**
 * Adds `rate * (parameter - its first value)`, for biases and scales too: L2-SP (Li, Grandvalet and Davoine, 2018). The first values are
 * those that the step was last reset to. They mean nothing in a new layer, which decays to zero as by `decayWeights`.
 *
 * @param rateOfNew the rate of new layers; default the same
 */
export function decayTowardsStart(rate: number, rateOfNew = rate): Transformation {
  const decayToZero = decayWeights(rateOfNew)
  return {
    state: ['start'],
    first: 'parameter',
    write(context, update, [start = '']) {
      const { builder, parameter, reused } = context
      const state = [builder.op('Identity', [start])]
      if (!reused) return { ...decayToZero.write(context, update, []), state }
      const way = builder.op('Sub', [parameter, start])
      const pull = builder.op('Mul', [way, builder.scalar(rate)])
      return { update: builder.op('Add', [update, pull]), state }
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

/**
 * Divides a running mean by the root of a running mean of squares, both corrected for their start at zero (Kingma and Ba, 2015). The
 * state holds the sums of which the means are 1 - beta times: what is left to multiply is one scalar, as in section 2 of the paper.
 */
export function adapt(beta1: number, beta2: number, epsilon: number): Transformation {
  return {
    state: ['mean', 'square'],
    write({ builder, step }, update, [mean = '', square = '']) {
      const faded = (sum: string, beta: number) => builder.op('Mul', [sum, builder.scalar(beta)])
      const correction = (beta: number) =>
        builder.op('Sub', [builder.scalar(1), builder.op('Pow', [builder.scalar(beta), step])])
      const nextMean = builder.op('Add', [faded(mean, beta1), update])
      const nextSquare = builder.op('Add', [
        faded(square, beta2),
        builder.op('Mul', [update, update]),
      ])
      const share = builder.scalar(Math.sqrt(1 - beta2))
      const root = builder.op('Div', [builder.op('Sqrt', [correction(beta2)]), share])
      const denominator = builder.op('Add', [
        builder.op('Sqrt', [nextSquare]),
        builder.op('Mul', [root, builder.scalar(epsilon)]),
      ])
      const bias = builder.op('Div', [builder.scalar(1 - beta1), correction(beta1)])
      return {
        update: builder.op('Div', [nextMean, denominator]),
        factor: builder.op('Mul', [root, bias]),
        state: [nextMean, nextSquare],
      }
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

/**
 * Writes all pieces of an optimizer for one parameter.
 *
 * @param states the states of each piece
 * @returns what is to be added to the parameter, and the new states
 */
export function writeTransformations(
  optimizer: Optimizer,
  context: UpdateContext,
  gradient: string,
  states: readonly (readonly string[])[],
): { readonly update: string; readonly states: readonly (readonly string[])[] } {
  const { builder } = context
  let update = gradient
  let factor: string | undefined
  const next = optimizer.map((transformation, index) => {
    let { learningRate } = context
    if (factor !== undefined) {
      if (transformation === descend) learningRate = builder.op('Mul', [learningRate, factor])
      else update = builder.op('Mul', [update, factor])
    }
    const given = { ...context, learningRate }
    const written = transformation.write(given, update, states[index] ?? [])
    update = written.update
    factor = written.factor
    return written.state
  })
  return { update, states: next }
}
