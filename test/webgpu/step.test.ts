import { expect, test } from 'vitest'
import { int64 } from '../../src/graph/tensor.ts'
import { cnn } from '../../src/nn/architectures.ts'
import { targetsInput, weightsInput } from '../../src/nn/losses.ts'
import { sgd } from '../../src/nn/optimizers.ts'
import { createRandom } from '../../src/random.ts'
import type { Runtime } from '../../src/runtime/session.ts'
import { compileStep } from '../../src/training/step.ts'
import { largestError } from '../../testing/golden.ts'
import { cpuRuntime, runtime } from '../../testing/runtime.ts'
import { normal, ones, stepOptions } from '../../testing/training-steps.ts'

const dims = [4, 1, 8, 8]
const network = cnn([1, 8, 8], { classes: 3 }, createRandom(1))

/** The loss of each of two steps, and all that they carry. */
async function twoSteps(on: Runtime) {
  const step = await compileStep(
    stepOptions(network, dims, { optimizer: sgd({ momentum: 0.9 }) }),
    on,
  )
  const feeds = {
    input: normal(dims),
    [targetsInput]: int64([4], [0, 1, 2, 1]),
    [weightsInput]: ones(4),
  }
  const random = createRandom('masks')
  const losses = []
  for (const learningRate of [0.02, 0.01]) {
    losses.push((await step.run(feeds, { learningRate, random })).loss)
  }
  const state = step.state()
  await step.release()
  return { losses, state }
}

test('steps of a convolutional network with dropout are those of the CPU', async () => {
  const [here, there] = [await twoSteps(runtime), await twoSteps(await cpuRuntime())]
  expect(here.losses[0]).toBeCloseTo(there.losses[0] as number, 5)
  expect(here.losses[1]).toBeCloseTo(there.losses[1] as number, 4)
  expect(here.losses[1]).not.toBe(here.losses[0])
  expect([...here.state.keys()]).toEqual([...there.state.keys()])
  for (const [name, expected] of there.state) {
    expect(largestError(here.state.get(name), expected), name).toBeLessThan(1e-4)
  }
})
