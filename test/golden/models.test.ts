import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GraftError, readModel } from '../../src/engine.ts'
import { externalDataIn } from '../../src/graph/external-data.ts'
import { decode, type Encoded, largestError } from '../../testing/golden.ts'
import { run, vjp } from '../../testing/runtime.ts'

// Outside evidence: models with functions, branches, loops, weights in float16 or in another file, as PyTorch and ONNX write them, and
// their outputs and gradients as PyTorch computes them in float64. scripts/reference/models.py writes them.

type Reference = Record<'inputs' | 'cotangents' | 'outputs' | 'gradients', Record<string, Encoded>>

const folder = new URL('models/', import.meta.url)
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.onnx'))
  .map((file) => file.slice(0, -'.onnx'.length))

test('the references are there', () => {
  expect(names).toEqual([
    'branch-not-taken',
    'branch-taken',
    'external',
    'float16',
    'functions',
    'recurrence',
    'squeeze',
  ])
})

const decodeAll = (values: Record<string, Encoded>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, decode(value)]))

test.each(names)('outputs and gradients of %s', async (name) => {
  const bytes = readFileSync(new URL(`${name}.onnx`, folder))
  const text = readFileSync(new URL(`${name}.json`, folder), 'utf8')
  const { inputs, cotangents, outputs, gradients }: Reference = JSON.parse(text)
  const graph = readModel(bytes, { external: externalDataIn(fileURLToPath(folder)) })
  const fed = decodeAll(inputs)
  const found = {
    ...(await run(graph, fed)),
    ...(await vjp(graph, fed, decodeAll(cotangents), Object.keys(gradients))),
  }
  for (const [key, expected] of Object.entries({ ...outputs, ...gradients })) {
    expect(largestError(found[key], decode(expected)), key).toBeLessThan(2e-6)
  }
})

test('a damaged model is read or refused, and nothing else', () => {
  const files = names.map((name) => new Uint8Array(readFileSync(new URL(`${name}.onnx`, folder))))
  const external = externalDataIn(fileURLToPath(folder))
  const change = fc.record({ at: fc.nat(), to: fc.nat(255) })
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      (file, changes) => {
        const damaged = file.slice()
        for (const { at, to } of changes) damaged[at % damaged.length] = to
        try {
          readModel(damaged, { external })
        } catch (error) {
          if (!(error instanceof GraftError)) throw error
          expect(error.code).toMatch(/^(bad-model|unsupported)$/)
        }
      },
    ),
    { numRuns: 1000 },
  )
})
