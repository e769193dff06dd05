import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { OperatorName } from '../src/graph/operators.ts'
import { checkGradient } from './check-gradient.ts'
import { type Draw, draws } from './generate.ts'
import { type OperatorCase, operatorGraph } from './operator-graph.ts'

/** Random cases for each operator. */
export type RuleCases<O extends OperatorName> = {
  readonly [K in O]: Readonly<Record<string, (draw: Draw) => OperatorCase<K>>>
}

/**
 * Checks every rule of a table against differences: one that has no case does not compile.
 *
 * @param numRuns how often each kind of case is drawn
 */
export function testRules<O extends OperatorName>(
  rules: Readonly<Record<O, unknown>>,
  cases: RuleCases<O>,
  numRuns = 3,
): void {
  test('every rule has a case', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(rules).sort())
  })
  for (const operator of Object.keys(cases) as O[]) {
    test.each(Object.entries(cases[operator]))(`${operator}: %s`, async (_, write) => {
      await fc.assert(
        fc.asyncProperty(draws, async (draw) => {
          const { graph, inputs } = operatorGraph(operator, write(draw))
          await checkGradient(graph, inputs, draw.random())
        }),
        { numRuns, seed: 1, endOnFailure: true },
      )
    })
  }
}
