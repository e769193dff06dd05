import type { Draw } from '../../../testing/generate.ts'
import { testRules } from '../../../testing/test-rules.ts'
import { einsumRules } from './einsum.ts'

/** An equation with operands of random sizes; capitals are axes of size 1. */
function operands(d: Draw, equation: string, ellipses: readonly number[][] = []) {
  const sizes = new Map<string, number>()
  const sizeOf = (letter: string) => {
    const size = sizes.get(letter) ?? d.integer(2, 4)
    sizes.set(letter, size)
    return size
  }
  const terms = (equation.split('->')[0] as string).replaceAll(' ', '').split(',')
  return {
    attributes: { equation: equation.toLowerCase() },
    inputs: terms.map((term, i) => {
      const named = (part: string) =>
        [...part].map((letter) => (letter === letter.toLowerCase() ? sizeOf(letter) : 1))
      const [before = '', after = ''] = term.split('...')
      return d.normal([...named(before), ...(ellipses[i] ?? []), ...named(after)])
    }),
  }
}

testRules(einsumRules, {
  Einsum: {
    'products of matrices': (d) =>
      operands(d, d.one('ij,jk->ik', 'bij,bkj->bik', 'bhid,bhjd->bhij', 'ij,jk->ki', 'ij , jk')),
    'one operand': (d) => operands(d, d.one('ij->ji', 'ij->i', 'ijk->j', 'ij->', 'ba')),
    'no common axis': (d) => operands(d, d.one('i,j->ij', 'i,j->ji', 'ij,k->k', 'i,j->')),
    'axes summed within one operand': (d) => operands(d, d.one('ij,k->k', 'ij,jk->k', 'ijk,k->j')),
    diagonals: (d) =>
      operands(d, d.one('ii->i', 'ii->', 'bii->bi', 'ii,ij->j', 'iij,ij->i', 'iii->i')),
    'axes of size 1 that are broadcast': (d) =>
      operands(d, d.one('ij,Jk->ik', 'ij,Ij->ij', 'i,I->i')),
    'three operands': (d) => operands(d, d.one('ij,jk,kl->il', 'i,ij,j->', 'bi,ij,bj->b')),
    'an ellipsis': (d) => {
      const batch = d.dims(0, 2, 3)
      const equation = d.one(
        '...ij,...jk->...ik',
        '...ij,...jk',
        '...i,...i->...',
        'i...,i...->...i',
        '...ij->...',
        '...ij,jk->...ik',
      )
      return operands(d, equation, [
        batch,
        equation.includes(',...') || equation[0] === 'i' ? batch : [],
      ])
    },
  },
})
