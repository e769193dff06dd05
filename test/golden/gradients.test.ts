import { describe, expect, test } from 'vitest'
import { readModel } from '../../src/graph/read.ts'
import type { Tensor } from '../../src/graph/tensor.ts'
import { decode, type Encoded } from '../../testing/golden.ts'
import { readBytes } from '../../testing/read-bytes.ts'
import { run, vjp } from '../../testing/runtime.ts'

// Outside evidence: modules as PyTorch exports them, and their gradients as PyTorch computes them in float64. Both are
// written by scripts/reference/gradients.py.

/** `scale` is what an error is relative to: the norm of the true value, unless that is zero. */
type Measured = Encoded & { scale: number; ownError: number }

type Reference = {
  /** The subgradient is a matter of convention, for example of the largest of equal values: only its sum is comparable. */
  convention: boolean
  inputs: Record<string, Encoded>
  cotangents: Record<string, Encoded>
  outputs: Record<string, Measured>
  gradients: Record<string, Measured>
}

function mapValues<A, B>(record: Record<string, A>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]))
}

function norm(values: Iterable<number>): number {
  let sum = 0
  for (const value of values) sum += value * value
  return Math.sqrt(sum)
}

function relativeError(actual: Tensor, expected: Measured): number {
  const truth = decode(expected).data as Float32Array
  const difference = Array.from(truth, (value, i) => Number(actual.data[i]) - value)
  return norm(difference) / expected.scale
}

function sum(tensor: Tensor): number {
  return Array.from(tensor.data, Number).reduce((total, value) => total + value, 0)
}

/** The tensors that are missing, misshapen, or further from float64 than ten times PyTorch's own float32, worst first. */
function failures(actual: Record<string, Tensor>, expected: Record<string, Measured>): string[] {
  const found: { excess: number; text: string }[] = []
  for (const [name, reference] of Object.entries(expected)) {
    const tensor = actual[name]
    if (!tensor) {
      found.push({ excess: Infinity, text: `${name} is missing` })
    } else if (tensor.dims.join() !== reference.dims.join()) {
      found.push({ excess: Infinity, text: `${name} is [${tensor.dims}], not [${reference.dims}]` })
    } else {
      const error = relativeError(tensor, reference)
      const allowed = 10 * reference.ownError + 1e-6
      if (!(error <= allowed)) {
        const text = `${name}: relative error ${error.toExponential(1)}, allowed ${allowed.toExponential(1)}`
        found.push({ excess: Number.isNaN(error) ? Infinity : error / allowed, text })
      }
    }
  }
  return found.sort((a, b) => b.excess - a.excess).map(({ text }) => text)
}

const names = Object.keys(import.meta.glob('./gradients/*.onnx')).map((file) =>
  file.slice('./gradients/'.length, -'.onnx'.length),
)

test('the references are there', () => {
  expect(names.length).toBeGreaterThan(250)
})

describe('values and gradients are those of PyTorch in float64', () => {
  test.each(names)('%s', async (name) => {
    const file = (ending: string) => readBytes(`test/golden/gradients/${name}.${ending}`)
    const graph = readModel(await file('onnx'))
    const reference: Reference = JSON.parse(new TextDecoder().decode(await file('json')))
    const inputs = mapValues(reference.inputs, decode)
    const cotangents = mapValues(reference.cotangents, decode)

    expect(failures(await run(graph, inputs), reference.outputs)).toEqual([])

    const wrt = Object.keys(reference.gradients)
    const gradients = await vjp(graph, inputs, cotangents, wrt)
    expect(Object.keys(gradients).sort()).toEqual([...wrt].sort())
    if (reference.convention) {
      for (const [key, expected] of Object.entries(reference.gradients)) {
        expect(sum(gradients[key] as Tensor)).toBeCloseTo(sum(decode(expected)), 4)
      }
    } else {
      expect(failures(gradients, reference.gradients)).toEqual([])
    }
  })
})
