import { elementTypes } from '../../graph/tensor.ts'
import { type RuleContext, single } from '../rule.ts'
import type { Rules } from './differentiable.ts'

/** An equation that names every axis, also those of an ellipsis and those of a result that was left to be inferred. */
type Equation = { readonly terms: readonly string[]; readonly result: string }

type Factor = { readonly value: string; readonly term: string; readonly dims: readonly number[] }

const alphabet = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ']

export const einsumRules = {
  // Every operand is a factor of every product, so its gradient is an einsum of the cotangent and the other operands.
  Einsum: single((context, dy) => {
    const equation = namedEquation(context)
    return context.inputs.map((_, index) => () => operandGradient(context, equation, index, dy))
  }),
} satisfies Partial<Rules>

function namedEquation({ attributes, inputs, dims }: RuleContext<'Einsum'>): Equation {
  const [left = '', right] = (attributes.equation ?? '').replaceAll(' ', '').split('->')
  const unused = alphabet.filter((letter) => !left.includes(letter))
  // The axes of ellipses are aligned at the last.
  const named = (rank: number) => unused.slice(0, rank).reverse().join('')
  const given = left.split(',')
  const hidden = given.map((term, i) =>
    term.includes('...') ? dims(inputs[i] as string).length - (term.length - 3) : 0,
  )
  const ellipsis = named(Math.max(...hidden))
  const once = alphabet.filter((letter) => left.split(letter).length === 2).sort()
  return {
    terms: given.map((term, i) => term.replace('...', named(hidden[i] as number))),
    result: right?.replace('...', ellipsis) ?? ellipsis + once.join(''),
  }
}

function operandGradient(
  { builder, inputs, outputs, dims, type }: RuleContext<'Einsum'>,
  { terms, result }: Equation,
  index: number,
  dy: string,
): string {
  const own = dims(inputs[index] as string)
  const factors: Factor[] = [{ value: dy, term: result, dims: dims(outputs[0] as string) }]
  inputs.forEach((value, i) => {
    if (i !== index) factors.push({ value, term: terms[i] as string, dims: dims(value) })
  })
  const add = (term: string, size: number, valueAt: (index: number) => number) => {
    const { type: element } = type(inputs[index] as string)
    const values = Array.from({ length: size ** term.length }, (_, i) => valueAt(i))
    const data = new elementTypes[element as 'float32' | 'float64'].array(values)
    const shape = [...term].map(() => size)
    factors.push({
      value: builder.constant({ type: element, dims: shape, data }),
      term,
      dims: shape,
    })
  }
  let target = ''
  for (const [axis, letter] of [...(terms[index] as string)].entries()) {
    const size = own[axis] as number
    // An axis of size 1 may have been broadcast: it is summed over, and comes back by the final reshape.
    if (size === 1) continue
    if (target.includes(letter)) {
      // A diagonal was taken: only cells on it get something.
      const taken = target + factors.map(({ term }) => term).join('')
      const twin = alphabet.find((other) => !taken.includes(other)) as string
      add(letter + twin, size, (i) => (i % (size + 1) === 0 ? 1 : 0))
      target += twin
      continue
    }
    // An axis that only this operand has was summed over: it all gets the same.
    const covered = factors.some(({ term, dims: of }) => of[term.indexOf(letter)] === size)
    if (!covered) add(letter, size, () => 1)
    target += letter
  }
  const equation = `${factors.map(({ term }) => term).join(',')}->${target}`
  const values = factors.map(({ value }) => value)
  const gradient = builder.op('Einsum', values, { equation })
  return target.length === own.length
    ? gradient
    : builder.op('Reshape', [gradient, builder.int64s(own)])
}
