import { expect, inject, test } from 'vitest'
import type { Graph } from '../../src/graph/graph.ts'
import { writeModel } from '../../src/graph/write.ts'
import { cnn, mlp, resnet } from '../../src/nn/architectures.ts'
import { adam } from '../../src/nn/optimizers.ts'
import { createRandom } from '../../src/random.ts'
import type { Runtime } from '../../src/runtime/session.ts'
import { singleStep } from '../../src/training/several-steps.ts'
import { writeStep } from '../../src/training/write-step.ts'
import { runtime } from '../../testing/runtime.ts'
import { stepOptions } from '../../testing/training-steps.ts'

const random = createRandom(1)
const networks = {
  cnn: [cnn([1, 12, 12], { classes: 3 }, random), [4, 1, 12, 12]],
  mlp: [mlp([1, 6, 6], { sizes: [8], activation: 'selu', classes: 3 }, random), [4, 1, 6, 6]],
  resnet: [resnet([3, 8, 8], { classes: 3, widths: [4, 8] }, random), [4, 3, 8, 8]],
} as const satisfies Record<string, readonly [Graph, readonly number[]]>
const names = Object.keys(networks) as (keyof typeof networks)[]

/** ONNX Runtime itself: our sessions never forbid the CPU. */
const { InferenceSession } =
  inject('runtime') === 'web on WebGPU'
    ? await import('#onnxruntime-web/webgpu')
    : await import('onnxruntime-node')

/** Compiles a training step where the CPU may run none of it. */
async function compileStrictly(name: keyof typeof networks, written: Runtime): Promise<void> {
  const [network, dims] = networks[name]
  const options = stepOptions(network, dims, { optimizer: adam(), batchStatistics: true })
  const { graph, carried, loss } = await writeStep({ ...options, lowering: 'standard' }, written)
  const session = await InferenceSession.create(writeModel(singleStep(graph, carried, [loss])), {
    executionProviders: ['webgpu'],
    logSeverityLevel: 4,
    extra: { session: { disable_cpu_ep_fallback: '1' } },
  })
  await session.release()
}

test.each(names)('no operator of a training step of the %s is left to the CPU', async (name) => {
  await compileStrictly(name, runtime)
})

test.each(names)(
  'one of the %s as it is written for the CPU would leave some to it',
  async (name) => {
    await expect(compileStrictly(name, { ...runtime, device: 'cpu' })).rejects.toThrow('CPU EP')
  },
)
