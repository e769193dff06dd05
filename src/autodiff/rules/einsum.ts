import { elementTypes } from '../../graph/tensor.ts'
import { type RuleContext, single } from '../rule.ts'
import type { Rules } from './index.ts'

/** An equation that names every axis, also those of an ellipsis and those of a result that was left to be inferred. */
type Equation = { readonly terms: readonly string[]; readonly result: string }

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
  { builder, inputs, dims, type }: RuleContext<'Einsum'>,
  { terms, result }: Equation,
  index: number,
  dy: string,
): string {
  const own = dims(inputs[index] as string)
  const others = terms.flatMap((_, i) => (i === index ? [] : [i]))
  const factors = [dy, ...others.map((i) => inputs[i] as string)]
  const factorTerms = [result, ...others.map((i) => terms[i] as string)]
  const add = (term: string, size: number, valueAt: (index: number) => number) => {
    const { type: element } = type(inputs[index] as string)
    const values = Array.from({ length: size ** term.length }, (_, i) => valueAt(i))
    const data = new elementTypes[element as 'float32' | 'float64'].array(values)
    const shape = [...term].map(() => size)
    factors.push(builder.constant({ type: element, dims: shape, data }))
    factorTerms.push(term)
  }
  let target = ''
  for (const [axis, letter] of [...(terms[index] as string)].entries()) {
    const size = own[axis] as number
    if (target.includes(letter)) {
      // A diagonal was taken: only cells on it get something.
      const twin = alphabet.find((l) => ![...terms, ...factorTerms, target].join('').includes(l))
      add(letter + twin, size, (i) => (i % (size + 1) === 0 ? 1 : 0))
      target += twin
      continue
    }
    const covered = factorTerms.some((term) => term.includes(letter))
    // An axis that only this operand has was summed over; one of size 1 may have been broadcast, and is left out to be summed.
    if (!covered) add(letter, size, () => 1)
    if (size > 1 || !covered) target += letter
  }
  const equation = `${factorTerms.join(',')}->${target}`
  const gradient = builder.op('Einsum', factors, { equation })
  return target.length === own.length
    ? gradient
    : builder.op('Reshape', [gradient, builder.int64s(own)])
}
