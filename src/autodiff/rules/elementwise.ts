import { GraftError } from '../../errors.ts'
import { describeNode } from '../../graph/graph.ts'
import { elementTypes } from '../../graph/tensor.ts'
import { broadcast, elementwise, type Rule, type RuleContext, single } from '../rule.ts'
import { step, stepsBetween } from '../step-function.ts'
import type { Rules } from './differentiable.ts'

/** `dy` where the condition holds, zero elsewhere. A cast and a product beat `Where`. */
function masked(context: RuleContext, dy: string, condition: string): string {
  const { builder } = context
  const to = elementTypes[context.type(context.outputs[0] as string).type].code
  return builder.op('Mul', [dy, builder.op('Cast', [condition], { to })])
}

/** The derivatives of smooth activations that need more than a line, as functions of x. */
function sigmoidOf({ builder, scalar }: RuleContext, x: string, slope = 1): string {
  return builder.op('Sigmoid', [slope === 1 ? x : builder.op('Mul', [x, scalar(slope)])])
}

/** d/dx of x * sigmoid(slope * x). */
function swishSlope(context: RuleContext, x: string, slope: number): string {
  const { builder, scalar } = context
  const s = sigmoidOf(context, x, slope)
  const complement = builder.op('Sub', [scalar(1), s])
  const inner = builder.op('Mul', [builder.op('Mul', [x, scalar(slope)]), complement])
  return builder.op('Mul', [s, builder.op('Add', [inner, scalar(1)])])
}

/** d/dx of x * Phi(x): Phi(x) + x * phi(x). */
function geluSlope({ builder, scalar }: RuleContext, x: string): string {
  const erf = builder.op('Erf', [builder.op('Mul', [x, scalar(Math.SQRT1_2)])])
  const cdf = builder.op('Mul', [builder.op('Add', [erf, scalar(1)]), scalar(0.5)])
  const square = builder.op('Mul', [builder.op('Mul', [x, x]), scalar(-0.5)])
  const density = builder.op('Mul', [
    builder.op('Exp', [square]),
    scalar(1 / Math.sqrt(2 * Math.PI)),
  ])
  return builder.op('Add', [cdf, builder.op('Mul', [x, density])])
}

/** d/dx of 0.5 * x * (1 + tanh(u)), u = sqrt(2 / pi) * (x + 0.044715 * x^3). */
function geluTanhSlope({ builder, scalar }: RuleContext, x: string): string {
  const c = Math.sqrt(2 / Math.PI)
  const square = builder.op('Mul', [x, x])
  const poly = (a: number, b: number) =>
    builder.op('Add', [builder.op('Mul', [square, scalar(b)]), scalar(a)])
  const tanh = builder.op('Tanh', [builder.op('Mul', [x, poly(c, c * 0.044715)])])
  const left = builder.op('Add', [builder.op('Mul', [tanh, scalar(0.5)]), scalar(0.5)])
  const sech2 = builder.op('Sub', [scalar(1), builder.op('Mul', [tanh, tanh])])
  const inner = builder.op('Mul', [x, poly(0.5 * c, 1.5 * c * 0.044715)])
  return builder.op('Add', [left, builder.op('Mul', [sech2, inner])])
}

/** A GELU of x plus a bias, if there is one. */
function biasedGelu<O extends 'com.microsoft.BiasGelu' | 'com.microsoft.FastGelu'>(
  slopeAt: (context: RuleContext, x: string) => string,
): Rule<O> {
  return broadcast(
    single((context, dy) => {
      const { builder, inputs } = context
      const [x = '', bias = ''] = inputs
      const gradient = () => {
        const sum = bias === '' ? x : builder.op('Add', [x, bias])
        return builder.op('Mul', [dy, slopeAt(context, sum)])
      }
      return [gradient, gradient]
    }),
  )
}

export const elementwiseRules = {
  Abs: elementwise(({ builder }, { x, dy }) => builder.op('Mul', [dy, builder.op('Sign', [x])])),
  Celu: elementwise(({ builder, scalar, attributes: { alpha } }, { x, dy }) => {
    const negative = builder.op('Div', [builder.op('Min', [x, scalar(0)]), scalar(alpha)])
    return builder.op('Mul', [dy, builder.op('Exp', [negative])])
  }),
  Elu: elementwise(({ builder, scalar, attributes: { alpha } }, { x, y, dy }) => {
    const negative = builder.op('Add', [y, scalar(alpha)])
    const positive = builder.op('Greater', [x, scalar(0)])
    return builder.op('Mul', [dy, builder.op('Where', [positive, scalar(1), negative])])
  }),
  Erf: elementwise(({ builder, scalar }, { x, dy }) => {
    const bell = builder.op('Exp', [builder.op('Neg', [builder.op('Mul', [x, x])])])
    return builder.op('Mul', [dy, builder.op('Mul', [bell, scalar(2 / Math.sqrt(Math.PI))])])
  }),
  Exp: elementwise(({ builder }, { y, dy }) => builder.op('Mul', [dy, y])),
  Gelu: elementwise((context, { x, dy }) =>
    context.builder.op('Mul', [
      dy,
      context.attributes.approximate === 'tanh' ? geluTanhSlope(context, x) : geluSlope(context, x),
    ]),
  ),
  HardSigmoid: elementwise((context, { x, dy }) => {
    const { builder, scalar, attributes } = context
    const { alpha, beta } = attributes
    const low = builder.op('Greater', [x, scalar(-beta / alpha)])
    const high = builder.op('Less', [x, scalar((1 - beta) / alpha)])
    const inside = builder.op('And', [low, high])
    return masked(context, builder.op('Mul', [dy, scalar(alpha)]), inside)
  }),
  // The slope is 0 below -3, 1 above 3 and (2x + 3) / 6 between: clipping x to [-3, 3] leaves only the ends to mend.
  HardSwish: elementwise(({ builder, scalar }, { x, dy }) => {
    const line = builder.op('Add', [builder.op('Div', [x, scalar(3)]), scalar(0.5)])
    const inner = builder.op('Where', [builder.op('Greater', [x, scalar(3)]), scalar(1), line])
    const slope = builder.op('Where', [builder.op('Less', [x, scalar(-3)]), scalar(0), inner])
    return builder.op('Mul', [dy, slope])
  }),
  Identity: elementwise((_, { dy }) => dy),
  LeakyRelu: elementwise(({ builder, scalar, attributes: { alpha } }, { x, dy }) => {
    const positive = builder.op('Greater', [x, scalar(0)])
    return builder.op('Mul', [dy, builder.op('Where', [positive, scalar(1), scalar(alpha)])])
  }),
  Log: elementwise(({ builder }, { x, dy }) => builder.op('Div', [dy, x])),
  Mish: elementwise((context, { x, dy }) => {
    const { builder, scalar } = context
    const tanh = builder.op('Tanh', [builder.op('Softplus', [x])])
    const sech2 = builder.op('Sub', [scalar(1), builder.op('Mul', [tanh, tanh])])
    const tail = builder.op('Mul', [builder.op('Mul', [x, sigmoidOf(context, x)]), sech2])
    return builder.op('Mul', [dy, builder.op('Add', [tanh, tail])])
  }),
  Neg: elementwise(({ builder }, { dy }) => builder.op('Neg', [dy])),
  Reciprocal: elementwise(({ builder }, { y, dy }) =>
    builder.op('Neg', [builder.op('Mul', [dy, builder.op('Mul', [y, y])])]),
  ),
  Relu: elementwise((context, { y, dy }) => {
    const { builder, scalar, type } = context
    if (type(y).type !== 'float32') {
      return masked(context, dy, builder.op('Greater', [y, scalar(0)]))
    }
    return builder.op('Mul', [dy, step(builder, y)])
  }),
  Selu: elementwise(({ builder, scalar, attributes: { alpha, gamma } }, { x, y, dy }) => {
    const negative = builder.op('Add', [y, scalar(alpha * gamma)])
    const positive = builder.op('Greater', [x, scalar(0)])
    return builder.op('Mul', [dy, builder.op('Where', [positive, scalar(gamma), negative])])
  }),
  Sigmoid: elementwise(({ builder, scalar }, { y, dy }) => {
    const slope = builder.op('Mul', [y, builder.op('Sub', [scalar(1), y])])
    return builder.op('Mul', [dy, slope])
  }),
  Softplus: elementwise((context, { x, dy }) =>
    context.builder.op('Mul', [dy, sigmoidOf(context, x)]),
  ),
  Softsign: elementwise(({ builder, scalar }, { x, dy }) => {
    const root = builder.op('Add', [builder.op('Abs', [x]), scalar(1)])
    return builder.op('Div', [dy, builder.op('Mul', [root, root])])
  }),
  Sqrt: elementwise(({ builder, scalar }, { y, dy }) =>
    builder.op('Div', [builder.op('Mul', [dy, scalar(0.5)]), y]),
  ),
  Swish: elementwise((context, { x, dy }) =>
    context.builder.op('Mul', [dy, swishSlope(context, x, context.attributes.alpha)]),
  ),
  ThresholdedRelu: elementwise((context, { x, dy }) =>
    masked(
      context,
      dy,
      context.builder.op('Greater', [x, context.scalar(context.attributes.alpha)]),
    ),
  ),
  'com.microsoft.Gelu': elementwise((context, { x, dy }) =>
    context.builder.op('Mul', [dy, geluSlope(context, x)]),
  ),
  'com.microsoft.QuickGelu': elementwise((context, { x, dy }) =>
    context.builder.op('Mul', [dy, swishSlope(context, x, context.attributes.alpha)]),
  ),

  Add: broadcast(single((_, dy) => [() => dy, () => dy])),
  Clip: single((context, dy) => {
    const { builder, inputs, outputs, type, constant } = context
    const [x = '', low = '', high = ''] = inputs
    const y = outputs[0] as string
    const [least, most] = [low, high].map((bound) => Number(constant(bound)?.data[0]))
    const throughInside = () => {
      // ReLU6 and the like, by the result, so that x need not be kept: nothing passes on the bounds, as with torch's.
      if (least === 0 && Number.isFinite(most) && type(y).type === 'float32') {
        return builder.op('Mul', [dy, stepsBetween(builder, y, most as number)])
      }
      // A value that equals its clipped self was inside the bounds (or on one, as with torch.clamp).
      return masked(context, dy, builder.op('Equal', [x, y]))
    }
    const beyond = (comparison: 'Less' | 'Greater', bound: string) => {
      const past = masked(context, dy, builder.op(comparison, [inputs[0], bound]))
      return builder.op('ReduceSum', [past], { keepdims: 0 })
    }
    return [
      throughInside,
      () => beyond('Less', inputs[1] as string),
      () => beyond('Greater', inputs[2] as string),
    ]
  }),
  Div: broadcast(
    single(({ builder, inputs: [, divisor], outputs: [quotient] }, dy) => {
      const dx = () => builder.op('Div', [dy, divisor])
      return [dx, () => builder.op('Neg', [builder.op('Mul', [dx(), quotient])])]
    }),
  ),
  // In inference dropout does nothing; training replaces it by a product with a mask that is fed.
  Dropout: single(({ inputs, numbers, node }, dy) => {
    // Some exporters leave dropout that drops nothing in training mode.
    const drops = inputs[1] ? numbers(inputs[1])[0] !== 0 : true
    if (drops && inputs[2] && numbers(inputs[2])[0] === 1) {
      throw new GraftError(
        'unsupported',
        `${describeNode(node)} is in training mode, where its result is random: export the model for inference`,
      )
    }
    return [() => dy, null, null]
  }),
  Max: broadcast(single(extremum)),
  Mean: broadcast(
    single(({ builder, scalar, inputs }, dy) =>
      inputs.map(() => () => builder.op('Div', [dy, scalar(inputs.length)])),
    ),
  ),
  Min: broadcast(single(extremum)),
  Mod: broadcast(
    single(({ builder, inputs: [a, b], outputs: [rest] }, dy) => [
      () => dy,
      () => {
        const wholes = builder.op('Div', [builder.op('Sub', [a, rest]), b])
        return builder.op('Neg', [builder.op('Mul', [dy, wholes])])
      },
    ]),
  ),
  Mul: broadcast(
    single(({ builder, inputs: [a, b] }, dy) => [
      () => builder.op('Mul', [dy, b]),
      () => builder.op('Mul', [dy, a]),
    ]),
  ),
  Pow: broadcast(
    single((context, dy) => {
      const { builder, scalar, constant, type, inputs, outputs } = context
      const [x = '', exponent = ''] = inputs
      const { type: element } = type(x)
      const power =
        type(exponent).type === element
          ? exponent
          : builder.op('Cast', [exponent], { to: elementTypes[element].code })
      return [
        () => {
          const fixed = constant(exponent)
          if (fixed?.dims.length === 0 && Number(fixed.data[0]) !== 0) {
            const value = Number(fixed.data[0])
            const slope = builder.op('Mul', [
              builder.op('Pow', [x, scalar(value - 1)]),
              scalar(value),
            ])
            return builder.op('Mul', [dy, slope])
          }
          const less = builder.op('Sub', [power, scalar(1)])
          const slope = builder.op('Mul', [builder.op('Pow', [x, less]), power])
          // 0^-1 * 0 is not a number, but the slope of x^0 is zero everywhere.
          const none = builder.op('Equal', [power, scalar(0)])
          return builder.op('Mul', [dy, builder.op('Where', [none, scalar(0), slope])])
        },
        () => {
          const base = builder.op('Where', [builder.op('Equal', [x, scalar(0)]), scalar(1), x])
          const log = builder.op('Mul', [outputs[0], builder.op('Log', [base])])
          return builder.op('Mul', [dy, log])
        },
      ]
    }),
  ),
  PRelu: broadcast(
    single((context, dy) => {
      const { builder, scalar, inputs } = context
      const [x, slope] = inputs
      return [
        () => {
          const positive = builder.op('Greater', [x, scalar(0)])
          return builder.op('Mul', [dy, builder.op('Where', [positive, scalar(1), slope])])
        },
        () => builder.op('Mul', [dy, builder.op('Min', [x, scalar(0)])]),
      ]
    }),
  ),
  Sub: broadcast(single(({ builder }, dy) => [() => dy, () => builder.op('Neg', [dy])])),
  Sum: broadcast(single(({ inputs }, dy) => inputs.map(() => () => dy))),
  Where: broadcast(
    single(({ builder, scalar, inputs: [condition] }, dy) => [
      null,
      () => builder.op('Where', [condition, dy, scalar(0)]),
      () => builder.op('Where', [condition, scalar(0), dy]),
    ]),
  ),
  'com.microsoft.BiasGelu': biasedGelu<'com.microsoft.BiasGelu'>(geluSlope),
  'com.microsoft.FastGelu': biasedGelu<'com.microsoft.FastGelu'>(geluTanhSlope),
} satisfies Partial<Rules>

/** Max and Min: the cotangent goes to the inputs that attain the extremum, in equal parts. */
function extremum(context: RuleContext<'Max'> | RuleContext<'Min'>, dy: string) {
  const { builder, inputs, outputs } = context
  const attains = (input: string) =>
    builder.op('Cast', [builder.op('Equal', [input, outputs[0]])], {
      to: elementTypes[context.type(outputs[0] as string).type].code,
    })
  return inputs.map((input) => () => {
    const count = inputs.length === 1 ? attains(input) : builder.op('Sum', inputs.map(attains))
    return builder.op('Div', [builder.op('Mul', [dy, attains(input)]), count])
  })
}
