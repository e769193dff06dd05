import { elementwise, type RuleContext } from '../rule.ts'
import type { Rules } from './differentiable.ts'

/** a + b x^2. */
function quadratic({ builder, scalar }: RuleContext, x: string, a: number, b: number): string {
  const square = builder.op('Mul', [x, x])
  return builder.op('Add', [b === 1 ? square : builder.op('Mul', [square, scalar(b)]), scalar(a)])
}

/** dy / sqrt(a + b x^2). */
function overRoot(context: RuleContext, x: string, dy: string, a: number, b: number): string {
  const { builder } = context
  return builder.op('Div', [dy, builder.op('Sqrt', [quadratic(context, x, a, b)])])
}

export const trigonometricRules = {
  Acos: elementwise((context, { x, dy }) =>
    context.builder.op('Neg', [overRoot(context, x, dy, 1, -1)]),
  ),
  Acosh: elementwise((context, { x, dy }) => overRoot(context, x, dy, -1, 1)),
  Asin: elementwise((context, { x, dy }) => overRoot(context, x, dy, 1, -1)),
  Asinh: elementwise((context, { x, dy }) => overRoot(context, x, dy, 1, 1)),
  Atan: elementwise((context, { x, dy }) =>
    context.builder.op('Div', [dy, quadratic(context, x, 1, 1)]),
  ),
  Atanh: elementwise((context, { x, dy }) =>
    context.builder.op('Div', [dy, quadratic(context, x, 1, -1)]),
  ),
  Cos: elementwise(({ builder }, { x, dy }) =>
    builder.op('Neg', [builder.op('Mul', [dy, builder.op('Sin', [x])])]),
  ),
  Cosh: elementwise(({ builder }, { x, dy }) => builder.op('Mul', [dy, builder.op('Sinh', [x])])),
  Sin: elementwise(({ builder }, { x, dy }) => builder.op('Mul', [dy, builder.op('Cos', [x])])),
  Sinh: elementwise(({ builder }, { x, dy }) => builder.op('Mul', [dy, builder.op('Cosh', [x])])),
  Tan: elementwise((context, { y, dy }) =>
    context.builder.op('Mul', [dy, quadratic(context, y, 1, 1)]),
  ),
  Tanh: elementwise((context, { y, dy }) =>
    context.builder.op('Mul', [dy, quadratic(context, y, 1, -1)]),
  ),
} satisfies Partial<Rules>
