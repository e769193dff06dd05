import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Tensor } from '../../src/engine.ts'
import {
  drawTensors,
  networkOf,
  readNetworkReference,
  relativeError,
} from '../../testing/network-reference.ts'
import { vjp } from '../../testing/runtime.ts'

// Outside evidence: whole networks as PyTorch exports them, and their gradients in float64, with BatchNormalization frozen ("keep") and in
// training ("train"); those named "eval" have none. scripts/reference/whole_networks.py writes them. A gradient may be ten times as far from
// float64 as PyTorch's own float32, taken at the worst of its three ways to compute a convolution.

const names = readdirSync(new URL('networks/', import.meta.url))
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length))

test('the references are there', () => {
  expect(names.length).toBeGreaterThan(25)
})

test.each(names)(
  'gradients of %s are those of PyTorch in float64',
  { timeout: 120_000 },
  async (name) => {
    const reference = readNetworkReference(name)
    const { seed, inputs, cotangents, gradients } = reference
    const found = await vjp(
      networkOf(name, reference),
      drawTensors(inputs, seed),
      drawTensors(cotangents, seed),
      Object.keys(gradients),
    )
    const failures = Object.entries(gradients)
      .map(([key, expected]) => ({
        key,
        error: relativeError(key, found[key] as Tensor, expected),
        allowed: 10 * expected.ownError + 1e-6,
      }))
      .filter(({ error, allowed }) => !(error <= allowed))
      .sort((a, b) => b.error / b.allowed - a.error / a.allowed)
      .map(
        ({ key, error, allowed }) =>
          `${key}: relative error ${error.toExponential(1)}, allowed ${allowed.toExponential(1)}`,
      )
    expect(failures).toEqual([])
  },
)
