import type { OperatorName } from '../../graph/operators.ts'
import { elementTypes, sizeOf } from '../../graph/tensor.ts'
import { type BlockedRule, type Blocks, isChannelVector, isScalar, repeated } from './blocks.ts'

/** Operators whose result is finite wherever their inputs are: the lanes that fill up the last block may hold anything finite. */
const tame = [
  'Abs',
  'Add',
  'And',
  'Cast',
  'Celu',
  'Clip',
  'Elu',
  'Equal',
  'Erf',
  'Gelu',
  'Greater',
  'GreaterOrEqual',
  'HardSigmoid',
  'HardSwish',
  'LeakyRelu',
  'Less',
  'LessOrEqual',
  'Max',
  'Min',
  'Mish',
  'Mul',
  'Neg',
  'Not',
  'Or',
  'Relu',
  'Selu',
  'Sigmoid',
  'Sign',
  'Softplus',
  'Sub',
  'Sum',
  'Swish',
  'Tanh',
  'ThresholdedRelu',
  'Where',
  'com.microsoft.Gelu',
] as const satisfies readonly OperatorName[]

/** Operators that may divide by the zeros of those lanes. */
const wild = [
  'Div',
  'Exp',
  'Log',
  'Pow',
  'Reciprocal',
  'Sqrt',
] as const satisfies readonly OperatorName[]

/** Operators whose results are truth values. */
const logical = new Set<OperatorName>([
  'And',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Not',
  'Or',
])

/** What works on each element alone works in any layout, so it stays in that of its inputs. */
function elementwise<O extends OperatorName>(operator: O): BlockedRule<O> {
  const isTame = (tame as readonly string[]).includes(operator)
  return (blocks, inputs, _, { stated }) => {
    const dims = inputs
      .filter(blocks.has)
      .map((input) => blocks.typeOf(input)?.dims ?? [])
      .sort((one, other) => sizeOf(other) - sizeOf(one))[0]
    if (!dims) return null
    const isFilled = blocks.padded(dims[1] as number) === dims[1]
    const suits = (input: string) =>
      input === '' ||
      isScalar(blocks, input) ||
      alike(blocks, input, dims) ||
      spreads(blocks, input, dims)
    if (!(isTame || isFilled) || !inputs.every(suits)) return null
    const twins = inputs.map((input) => {
      if (input === '' || isScalar(blocks, input)) return input
      return alike(blocks, input, dims) ? blocks.of(input) : repeated(blocks, input, dims.slice(2))
    })
    const { builder } = blocks
    const blocked = builder.op(operator, twins, stated)
    const { to = elementTypes.float32.code } = stated as { readonly to?: number }
    if (!logical.has(operator) && to === elementTypes.float32.code) {
      return [blocks.plain(blocked, dims)]
    }
    // The reordering knows floats only: any other value is computed in both layouts, and what nobody needs of that is dropped.
    const value = builder.op(operator, inputs, stated)
    blocks.pair(value, blocked, dims)
    return [value]
  }
}

/** Whether a value has the dimensions and can be put in blocks. */
function alike(blocks: Blocks, value: string, dims: readonly number[]): boolean {
  const type = blocks.typeOf(value)
  const same =
    type?.dims.length === dims.length && type.dims.every((dim, axis) => dim === dims[axis])
  return same && (blocks.has(value) || type.type === 'float32')
}

/** Whether a value has a number for each channel of each image, which stands for a whole map. */
function spreads(blocks: Blocks, value: string, dims: readonly number[]): boolean {
  const own = blocks.typeOf(value)?.dims
  return isChannelVector(blocks, value) && own?.[0] === dims[0] && own?.[1] === dims[1]
}

export const elementwiseRules = Object.fromEntries(
  [...tame, ...wild].map((operator) => [operator, elementwise(operator)]),
)
